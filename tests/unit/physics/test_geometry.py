"""Geometry of chains against independent formulas, and its behaviour where geometry is singular."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from prior_toys import topology, walk

from cgpipe.physics.geometry import angle_cosines, angles, bond_lengths, bonded, dihedrals, turns


def _dihedral(p):
    """By projection on the plane across the middle bond (another formula than the module's)."""
    b0, b1, b2 = p[0] - p[1], p[2] - p[1], p[3] - p[2]
    axis = b1 / np.linalg.norm(b1)
    v, w = b0 - (b0 @ axis) * axis, b2 - (b2 @ axis) * axis
    return np.arctan2(np.cross(axis, v) @ w, v @ w)


def test_values_against_independent_formulas():
    """Detects wrong lengths, angles, dihedrals or signs; not a wrong mask."""
    R = walk(12, 0)
    chain = topology(12)
    position = jnp.asarray(R, jnp.float32)
    r, theta, phi = (f(position, chain)[0] for f in (bond_lengths, angles, dihedrals))
    np.testing.assert_allclose(r, np.linalg.norm(np.diff(R, axis=0), axis=1), rtol=1e-5)
    for i in range(10):
        a, b = R[i] - R[i + 1], R[i + 2] - R[i + 1]
        expected = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
        assert float(theta[i]) == pytest.approx(expected, abs=1e-4)
    for i in range(9):
        assert float(phi[i]) == pytest.approx(_dihedral(R[i : i + 4]), abs=1e-4)


def test_right_handed_helix_is_positive():
    """Detects a mirrored dihedral: Cα of a right-handed α-helix (100° and 1.5 Å per residue, 2.3 Å radius) has +50°."""
    t = np.arange(8) * np.radians(100)
    R = np.stack([2.3 * np.cos(t), 2.3 * np.sin(t), 1.5 * np.arange(8)], axis=1)
    phi = np.degrees(dihedrals(jnp.asarray(R, jnp.float32), topology(8))[0])
    np.testing.assert_allclose(phi, 50.0, atol=3.0)


def test_gaps_chains_and_padding_are_not_bonded():
    """Detects bonds across a chain's end, a gap in the numbering, a repeated number or into padding."""
    chain = topology(8, [0, 0, 1, 1, 1, 1, 1, 1], [0, 1, 2, 3, 5, 6, 6, 7], [True] * 7 + [False])
    assert bonded(chain).tolist() == [True, False, True, False, True, False, False]
    R = jnp.asarray(walk(8, 1), jnp.float32)
    assert not bool(angles(R, chain)[1].any()) and not bool(dihedrals(R, chain)[1].any())
    assert bonded(topology(4, 0, [3, 2, 1, 0])).tolist() == [False] * 3


@pytest.mark.parametrize("beads", [1, 2, 3])
def test_short_chains(beads):
    """Detects shifts that break on fewer beads than a dihedral has."""
    R, chain = jnp.asarray(walk(beads, 2), jnp.float32), topology(beads)
    for number, f in enumerate((bond_lengths, angles, dihedrals), start=1):
        values, exists = f(R, chain)
        assert values.shape == exists.shape == (max(beads - number, 0),)


@pytest.mark.parametrize("case", ["collinear", "folded back", "coincident", "first two coincident", "padding"])
def test_values_and_gradients_are_finite_where_geometry_is_singular(case):
    """Detects NaN or infinity in values or gradients; not wrong finite ones."""
    R = np.arange(6)[:, None] * np.array([3.8, 0, 0]) * np.ones((6, 3))
    mask = np.ones(6, bool)
    if case == "folded back":
        R[2:] = R[1] - (R[2:] - R[1])
    if case == "coincident":
        R[:] = 1.0
    if case == "first two coincident":
        R[1] = R[0]
    if case == "padding":
        R[3:] = np.nan
        mask[3:] = False
    R, chain = jnp.asarray(R, jnp.float32), topology(6, mask=mask)

    @jax.jit
    def total(R):
        turn = turns(R, chain)
        parts = (bond_lengths(R, chain)[0], angle_cosines(R, chain)[0], turn.real, turn.imaginary)
        return sum(part.sum() for part in parts)

    assert bool(jnp.isfinite(total(R))) and bool(jnp.isfinite(jax.jit(jax.grad(total))(R)).all())
    assert bool(jnp.isfinite(angles(R, chain)[0]).all()) and bool(jnp.isfinite(dihedrals(R, chain)[0]).all())
