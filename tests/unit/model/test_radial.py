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


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_derivatives_are_those_of_the_formula(order):
    """Catches a wrong series or rule of differentiation: JAX differentiates the formula itself, in double precision."""

    def formula(r):
        x, n = r / 12.0, jnp.arange(1, 37)
        return jnp.sin(n * jnp.pi * x) / (jnp.pi * x) * polynomial_cutoff(x)

    def ours(r):
        return bessel_basis(r, 12.0, 36)

    with jax.enable_x64(True):
        for _ in range(order):
            formula, ours = jax.jacfwd(formula), jax.jacfwd(ours)
        for r in (0.4, 3.8, 6.0, 11.9):
            expected = formula(jnp.asarray(r))
            np.testing.assert_allclose(ours(jnp.asarray(r)), expected, atol=1e-12 * jnp.max(jnp.abs(expected)))


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
