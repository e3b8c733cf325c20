"""What a resume after the worst moment asks for again."""
