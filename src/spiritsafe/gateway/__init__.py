"""The request path; imports only policy, sketch, privacy, wire and model."""
