"""Labelled worlds: archetypes, look-alike cohorts, evaluation."""
