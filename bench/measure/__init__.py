"""Measures spiritsafe on simulated worlds: what was designed, what was run, what it came to."""
