"""Dialogues: styles, prompts and the turn parser."""
