"""The smooth step that ends interactions: t³(10 − 15t + 6t²), with two vanishing derivatives at both ends."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def falling(left: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """1 for ``left`` ≥ 1, 0 for ``left`` ≤ 0, twice continuously differentiable between."""
    left = jnp.clip(left, 0, 1)
    return left**3 * (10 - 15 * left + 6 * left**2)
