"""Findings in the shapes that other tools of the same house read: one file per shape."""
