"""Frozen nouns, settings and the error tree; imports no other room."""
