"""The two-parameter model of bonds against forces that are exactly of its kind."""

import numpy as np
import pytest
from synthetic_program import chain_positions

from cgpipe.data.topology import Topology
from cgpipe.physics.bond_springs import BondSprings, fit_bond_springs

CHAIN = Topology(*(np.zeros(6, np.int32), np.zeros(6, np.int32), np.array([0, 1, 2, 4, 5, 6]), np.ones(6, bool)))
R = np.stack([chain_positions(6, seed) for seed in range(20)])


def test_forces_are_the_gradient_of_the_energy():
    """Detects a wrong sign, a factor of two, and a bond across the gap in the chain."""

    def energy(positions: np.ndarray) -> float:
        length = np.linalg.norm(np.diff(positions, axis=0), axis=1)[[0, 1, 3, 4]]
        return float(0.5 * 90.0 * np.sum((length - 3.8) ** 2))

    found = BondSprings(90.0, 3.8).forces(R[:1], CHAIN)[0]
    for bead, axis in [(0, 0), (1, 2), (2, 1), (3, 0), (5, 1)]:
        step = np.zeros((6, 3))
        step[bead, axis] = 1e-5
        slope = (energy(R[0] + step) - energy(R[0] - step)) / 2e-5
        assert found[bead, axis] == pytest.approx(-slope, abs=1e-4)


def test_fit_finds_what_made_the_forces():
    """Detects a fit that noise biases: both parameters enter linearly."""
    clean = BondSprings(95.0, 3.87).forces(R, CHAIN)
    exact = fit_bond_springs(R, clean, CHAIN)
    assert exact.k == pytest.approx(95.0) and exact.r0 == pytest.approx(3.87)
    noisy = clean + np.random.default_rng(0).normal(scale=3.0, size=clean.shape)
    assert fit_bond_springs(R, noisy, CHAIN).k == pytest.approx(95.0, rel=0.1)


def test_cis_bonds_have_their_own_length():
    """Detects springs of one length for both kinds of bonds: their stiffness would fall from 95 to a tenth of it."""
    random = np.random.default_rng(1)
    step, length = random.normal(size=(20, 6, 3)), random.normal(3.87, 0.06, (20, 6, 1))
    length[::4, 4] -= 0.92
    mixed = np.cumsum(length * step / np.linalg.norm(step, axis=-1, keepdims=True), axis=1)
    clean = BondSprings(95.0, 3.87, 2.95).forces(mixed, CHAIN)
    found = fit_bond_springs(mixed, clean, CHAIN)
    assert found.k == pytest.approx(95.0)
    assert (found.r0, found.cis_r0) == (pytest.approx(3.87), pytest.approx(2.95))
    assert fit_bond_springs(R, BondSprings(95.0, 3.87).forces(R, CHAIN), CHAIN).cis_r0 is None


def test_bonds_that_never_stretch_have_no_stiffness():
    """Detects a division by zero that passes as a number."""
    line = np.zeros((4, 6, 3))
    line[:, :, 0] = 3.8 * np.arange(6)
    with pytest.raises(ValueError, match="never change"):
        fit_bond_springs(line, np.zeros_like(line), CHAIN)
