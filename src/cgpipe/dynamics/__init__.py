"""Dynamics of many replicas at once, in JAX alone."""
