"""Pages, REST and the TAXII listener; thin over the rooms below."""
