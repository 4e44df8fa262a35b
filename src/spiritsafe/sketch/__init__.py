"""Text to numbers, after which the text is forgotten; pure numpy and numba, no engine."""
