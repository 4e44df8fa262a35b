"""Schemes, keys and detection of marked text."""
