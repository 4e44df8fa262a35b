"""Other ways to find extraction, run on the same logs: a peer's package as it is, and published methods rebuilt."""
