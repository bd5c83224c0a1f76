"""Perceptrons: no bias, slices instead of concatenation, and the variance that the gains promise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cgpipe.model.mlp import MLP


def test_zero_in_zero_out():
    """Catches a bias, which would leave energy beyond the cutoff."""
    assert not np.any(MLP([6, 8, 4], jax.random.key(0))(jnp.zeros((3, 6))))


def test_parts_are_the_concatenation():
    """Catches wrong slices of the first weights."""
    mlp = MLP([6, 8, 4], jax.random.key(0))
    x = jax.random.normal(jax.random.key(1), (5, 6))
    np.testing.assert_allclose(mlp(x[:, :2], x[:, 2:]), mlp(x), rtol=1e-5, atol=1e-6)


def test_wrong_number_of_features_is_refused():
    """Catches a slice that is silently too short."""
    with pytest.raises(ValueError, match="inputs of 5 features in all, expected 6"):
        MLP([6, 4], jax.random.key(0))(jnp.zeros((3, 5)))


@pytest.mark.parametrize("width", [16, 256])
def test_output_variance_does_not_depend_on_width(width):
    """Catches a missing or doubled 1/√fan_in: variance within a factor of two, at both widths and a gain of 3."""
    x = jax.random.normal(jax.random.key(1), (2000, width))
    outputs = [MLP([width, width, width], jax.random.key(k), output_gain=3.0)(x) for k in range(4)]
    assert 9 * 0.5 < np.var(outputs) < 9 * 2.0
