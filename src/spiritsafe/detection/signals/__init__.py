"""One file per signal: definition, source, unit, null, examples."""
