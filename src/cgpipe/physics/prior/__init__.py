"""The prior energy of a chain of beads: terms, parameters by species, and their fits."""

from cgpipe.physics.prior.prior import Prior, Weights
from cgpipe.physics.prior.thermal import ThermalPrior, prior_at, prior_from_json, read_prior

__all__ = ["Prior", "ThermalPrior", "Weights", "prior_at", "prior_from_json", "read_prior"]
