"""The request path; imports only policy, sketch, privacy and model."""
