"""Wigner 3j symbols and tensor products against rotations and reflections; nothing here depends on the network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cgpipe.model.angular import spherical_harmonics
from cgpipe.model.tensor_product import couplings, harmonic_irreps, tensor_product, wigner_3j

COMPILED = jax.jit(tensor_product, static_argnums=0)
ROTATION = Rotation.from_rotvec([0.3, 1.9, -0.8])


def turned(components, l_max):
    """Components [component, …] of all orders after ROTATION, by matrices fitted to the harmonics."""
    points = np.random.default_rng(5).normal(size=(80, 3))
    before, after = (np.stack(spherical_harmonics(p, l_max)) for p in (points, ROTATION.apply(points)))
    blocks = []
    for order in range(l_max + 1):
        rows = slice(order**2, (order + 1) ** 2)
        matrix = np.linalg.lstsq(before[rows].T, after[rows].T, rcond=None)[0].T
        blocks.append(np.einsum("ab,b...->a...", matrix, components[rows]))
    return np.concatenate(blocks)


def product(terms, weights, left, right):
    """The tensor product on plain arrays [component, …]."""
    left, right = (list(map(jnp.asarray, factor)) for factor in (left, right))
    return np.stack(COMPILED(terms, jnp.asarray(weights), left, right))


@pytest.mark.parametrize("l_max", [1, 2, 3])
def test_product_turns_with_its_factors(l_max):
    """Catches any wrong coefficient: turning both factors turns the result. Not a missing path."""
    irreps = harmonic_irreps(l_max)
    terms = couplings(irreps, irreps, irreps)
    rng = np.random.default_rng(1)
    size = (l_max + 1) ** 2
    left = rng.normal(size=(size, 2, 5, 3)).astype(np.float32)
    right = rng.normal(size=(size, 2, 3)).astype(np.float32)
    weights = rng.normal(size=(terms.paths, 3)).astype(np.float32)
    expected = turned(product(terms, weights, left, right), l_max)
    found = product(terms, weights, turned(left, l_max).astype(np.float32), turned(right, l_max).astype(np.float32))
    np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize(("l_max", "non_zeros"), [(1, 10), (2, 83), (3, 353)])
def test_all_paths_and_no_more_coefficients_than_needed(l_max, non_zeros):
    """Catches missing paths and coefficients that are rounding noise."""
    irreps = harmonic_irreps(l_max)
    assert len(couplings(irreps, irreps, irreps).terms) == non_zeros


def test_unit_variance_in_gives_unit_variance_out():
    """Catches wrong scaling of paths, within 10 % of sampling error."""
    irreps = harmonic_irreps(2)
    terms = couplings(irreps, irreps, irreps)
    rng = np.random.default_rng(2)
    draw = lambda *shape: rng.normal(size=shape).astype(np.float32)  # noqa: E731 - three of the same
    out = product(terms, draw(terms.paths, 40_000), draw(9, 1, 1, 40_000), draw(9, 1, 40_000))
    np.testing.assert_allclose(out.var(axis=(1, 2, 3)), 1.0, rtol=0.1)


def test_symbols_of_two_vectors_are_dot_and_cross_product():
    """Catches a wrong basis order: known symbols of (1,1,0) and (1,1,1), up to their sign."""
    np.testing.assert_allclose(np.abs(wigner_3j(1, 1, 0)[..., 0]), np.eye(3) / np.sqrt(3), atol=1e-12)
    cross = np.zeros((3, 3, 3))
    cross[[0, 1, 2], [1, 2, 0], [2, 0, 1]], cross[[1, 0, 2], [0, 2, 1], [2, 1, 0]] = 1, -1
    np.testing.assert_allclose(np.abs(wigner_3j(1, 1, 1)), np.abs(cross) / np.sqrt(6), atol=1e-12)


def test_parity_forbids_the_pseudovector():
    """Catches a product of two vectors that gives an axial vector where only true vectors are wanted."""
    vector = ((1, -1),)
    assert couplings(vector, vector, vector).paths == 0
    assert couplings(vector, vector, ((1, 1),)).paths == 1
