"""From the provider's files to rollups."""
