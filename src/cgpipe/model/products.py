"""Sums of matrix products of edge features with weights, whose gradients are fast on a CPU.

The gradient of a weight is xᵀ g: two tall matrices, summed over the edges. XLA's libraries for CPUs take that product
at half the speed of others, because they read both factors down their columns. So on a CPU g is transposed first, once
for all weights that share it. Derivatives in reverse mode are offered, of any order; those in forward mode are not.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Features = Float[Array, "edges _"]
Weight = Float[Array, "_ _"]


def sum_of_products(parts: Sequence[Features], weights: Sequence[Weight], precision: jax.lax.Precision) -> Features:
    """Σ_k parts[k] @ weights[k].

    Args:
        parts: features [edges, fan_in of k].
        weights: [fan_in of k, fan_out].
        precision: of the products on a GPU.
    """
    return _sum(precision, tuple(parts), tuple(weights))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _sum(precision: jax.lax.Precision, parts: tuple[Features, ...], weights: tuple[Weight, ...]) -> Features:
    first, *more = (jnp.matmul(x, w, precision=precision) for x, w in zip(parts, weights, strict=True))
    return sum(more, first)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _back(precision: jax.lax.Precision, g: Features, weights: tuple[Weight, ...]) -> tuple[Features, ...]:
    """The gradients of the parts: g @ weights[k]ᵀ."""
    return tuple(jnp.matmul(g, w.T, precision=precision) for w in weights)


def _weight_gradients(precision: jax.lax.Precision, g: Features, parts: tuple[Features, ...]) -> tuple[Weight, ...]:
    """parts[k]ᵀ @ g."""
    if jax.default_backend() != "cpu":
        return tuple(jnp.matmul(x.T, g, precision=precision) for x in parts)
    # without the barriers the compiler turns this into the slow product again
    turned = jax.lax.optimization_barrier(g.T)
    return tuple(jax.lax.optimization_barrier(jnp.matmul(turned, x, precision=precision)).T for x in parts)


# forward rules call the functions themselves, so that the rules hold for the derivatives of derivatives too
_sum.defvjp(
    lambda precision, parts, weights: (_sum(precision, parts, weights), (parts, weights)),
    lambda precision, kept, g: (_back(precision, g, kept[1]), _weight_gradients(precision, g, kept[0])),
)
_back.defvjp(
    lambda precision, g, weights: (_back(precision, g, weights), (g, weights)),
    lambda precision, kept, gs: (_sum(precision, gs, kept[1]), _weight_gradients(precision, kept[0], gs)),
)
