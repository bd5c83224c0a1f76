"""The prior energy of a chain of beads: terms, parameters by species, and their fits."""

from cgpipe.physics.prior.prior import Prior, Weights, read_prior

__all__ = ["Prior", "Weights", "read_prior"]
