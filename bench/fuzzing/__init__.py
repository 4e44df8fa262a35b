"""Coverage-guided fuzzing: what is fuzzed, and one target's process."""
