"""STIX, TAXII and private matching."""
