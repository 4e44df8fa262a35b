"""Pseudonyms at the door and the vault behind it."""
