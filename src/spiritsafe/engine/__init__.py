"""Where tables live: immutable segments, a manifest and DuckDB."""
