"""Text: tokens, math spans and chunking."""
