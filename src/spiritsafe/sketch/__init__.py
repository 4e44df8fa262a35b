"""Text to numbers, after which the text is forgotten."""
