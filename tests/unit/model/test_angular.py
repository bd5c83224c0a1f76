"""Spherical harmonics: normalisation, orthogonality, and finite derivatives without a direction."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cgpipe.model.angular import spherical_harmonics


def test_components_are_orthogonal_with_unit_mean_square():
    """Catches wrong polynomials and factors, by exact integration over the sphere; not a wrong order of components."""
    cosine, weight = np.polynomial.legendre.leggauss(8)
    phi = np.arange(16) * 2 * np.pi / 16
    z, phi = (a.ravel() for a in np.meshgrid(cosine, phi, indexing="ij"))
    sine = np.sqrt(1 - z**2)
    Y = np.stack(spherical_harmonics(np.stack([sine * np.cos(phi), sine * np.sin(phi), z], axis=-1), 3))
    overlap = np.einsum("ap,bp,p->ab", Y, Y, np.repeat(weight, 16)) / 32
    np.testing.assert_allclose(overlap, np.eye(16), atol=1e-13)


def test_sum_of_squares_is_the_dimension():
    """Catches a normalisation that is not that of components."""
    u = np.random.default_rng(0).normal(size=(20, 3))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    Y = np.stack(spherical_harmonics(u, 3))
    for order in range(4):
        np.testing.assert_allclose((Y[order**2 : (order + 1) ** 2] ** 2).sum(0), 2 * order + 1, rtol=1e-12)


def test_no_direction_gives_zeros_and_finite_derivatives():
    """Catches a division by the length inside the polynomials."""
    Y = spherical_harmonics(jnp.zeros(3), 3)
    assert Y[0] == 1.0
    assert not np.any(Y[1:])
    jacobian = jax.jacobian(lambda u: jnp.stack(spherical_harmonics(u, 3)))(jnp.zeros(3))
    assert np.all(np.isfinite(jacobian))


def test_too_high_an_order_is_refused():
    """Catches a silently truncated list."""
    with pytest.raises(ValueError, match="l_max 4"):
        spherical_harmonics(np.ones(3), 4)
