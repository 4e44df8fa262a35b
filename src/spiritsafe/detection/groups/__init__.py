"""Doors: the ways a set of accounts becomes a candidate group."""
