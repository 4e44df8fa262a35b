"""The reverse proxy: what clients send to the model and what comes back, measured and, where a policy says so, cut."""
