"""Members evaluated together against each alone. Says nothing about whether the spread is a good error bar."""

import equinox as eqx
import numpy as np
import pytest
from model_toys import chain_positions, chain_topology, evaluate, toy_potential

from cgpipe.errors import UserError
from cgpipe.model.ensemble import Ensemble

R, TOPOLOGY = chain_positions(6), chain_topology(6)


def test_mean_and_spread_are_those_of_the_members():
    """Catches members that are mixed up or counted wrongly."""
    members = [toy_potential(seed=seed) for seed in range(3)]
    forces = np.stack([evaluate(member, R, TOPOLOGY).forces for member in members])
    found = eqx.filter_jit(lambda e: e.evaluate(R, TOPOLOGY))(Ensemble.of(members))
    np.testing.assert_allclose(found.forces, forces.mean(0), atol=1e-3)
    np.testing.assert_allclose(found.spread, forces.std(0), atol=1e-3)
    assert np.max(found.spread) > 0.01


def test_different_networks_are_refused():
    """Catches a stack of arrays that do not belong together."""
    with pytest.raises(UserError, match="different networks"):
        Ensemble.of([toy_potential(1), toy_potential(2)])
