"""SiLU against the definition that JAX has, with the derivatives that are written out here."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cgpipe.model.activation import silu

REFERENCE = [0.0, 1e-6, -1e-6, 0.3, -0.7, 2.0, -3.0, 15.0, -15.0, 90.0, -90.0]


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_values_and_derivatives_are_those_of_silu(order):
    """Catches a wrong formula of any derivative; the third one is made by JAX from the second."""
    ours, theirs = silu, jax.nn.silu
    for _ in range(order):
        ours, theirs = jax.grad(ours), jax.grad(theirs)
    with jax.enable_x64(True):
        x = jnp.asarray(REFERENCE)
        np.testing.assert_allclose(jax.vmap(ours)(x), jax.vmap(theirs)(x), rtol=1e-12, atol=1e-14)


def test_single_precision_is_exact_to_rounding():
    """Catches cancellation on the negative side: off by no more than a few units of rounding of the largest term."""
    x = np.linspace(-20.0, 20.0, 4001, dtype=np.float32)
    exact = x.astype(np.float64) / (1.0 + np.exp(-x.astype(np.float64)))
    assert np.max(np.abs(silu(jnp.asarray(x)) - exact) / np.maximum(np.abs(x), 1.0)) < 3e-7
