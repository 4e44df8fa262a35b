"""A log of provider's size without text, and what a scan of it costs beside the bare read."""
