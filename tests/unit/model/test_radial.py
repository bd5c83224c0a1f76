"""Radial basis against the formula, and its smooth end. Says nothing about whether the basis is a good choice."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cgpipe.model.radial import bessel_basis, polynomial_cutoff


@pytest.mark.parametrize("count", [1, 9, 36])
def test_basis_is_the_formula(count):
    """Catches a wrong recurrence, scale or envelope, up to rounding of single precision."""
    r = np.linspace(0.05, 11.99, 200)
    x, n = r[:, None] / 12.0, np.arange(1, count + 1)
    envelope = 1 - 28 * x**6 + 48 * x**7 - 21 * x**8
    expected = n * np.sinc(n * x) * envelope
    found = bessel_basis(jnp.asarray(r, jnp.float32), 12.0, count)
    np.testing.assert_allclose(found, expected, atol=2e-5 * count)


def test_cutoff_ends_with_two_zero_derivatives():
    """Catches a kink in value, slope or curvature at the cutoff; not one in the third derivative."""
    f = polynomial_cutoff
    with jax.enable_x64(True):
        end = jnp.asarray(1.0 - 1e-9)
        assert abs(f(end)) < 1e-15
        assert abs(jax.grad(f)(end)) < 1e-14
        assert abs(jax.grad(jax.grad(f))(end)) < 1e-5
        assert f(jnp.asarray(1.5)) == 0.0
        assert jax.grad(f)(jnp.asarray(1.5)) == 0.0
        assert f(jnp.asarray(0.0)) == 1.0
