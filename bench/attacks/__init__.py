"""Files and texts that are meant to hurt whoever reads them."""
