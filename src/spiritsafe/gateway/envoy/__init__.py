"""Envoy in front: its configuration, and its two services over gRPC."""
