"""Sums of matrix products of edge features with weights, whose gradients are fast on a CPU.

The gradient of a weight is xᵀ g: two tall matrices, summed over the edges. XLA's libraries for CPUs take that product
at half the speed of others, because they read both factors down their columns. So on a CPU one of them is transposed
first, once for all products that share it. Derivatives in reverse mode are offered, of any order; those in forward mode
are not.
"""

from collections.abc import Sequence
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Features = Float[Array, "edges _"]
Weight = Float[Array, "_ _"]


class How(NamedTuple):
    """Precision of products on a GPU; and which factor is transposed on a CPU: the parts, or the gradient of the sum.

    It should be the one that more products share, and one that exists as a matrix by itself: what a tensor product or a
    product with harmonics leaves would be computed a second time, down its columns.
    """

    precision: jax.lax.Precision
    turn: Literal["parts", "gradient"]


def sum_of_products(parts: Sequence[Features], weights: Sequence[Weight], how: How) -> Features:
    """Σ_k parts[k] @ weights[k].

    Args:
        parts: features [edges, fan_in of k].
        weights: [fan_in of k, fan_out].
        how: to compute it and its gradients.
    """
    return _sum(how, tuple(parts), tuple(weights))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _sum(how: How, parts: tuple[Features, ...], weights: tuple[Weight, ...]) -> Features:
    first, *more = (jnp.matmul(x, w, precision=how.precision) for x, w in zip(parts, weights, strict=True))
    return sum(more, first)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _back(how: How, g: Features, weights: tuple[Weight, ...]) -> tuple[Features, ...]:
    """The gradients of the parts: g @ weights[k]ᵀ."""
    return tuple(jnp.matmul(g, w.T, precision=how.precision) for w in weights)


def _weight_gradients(how: How, g: Features, parts: tuple[Features, ...]) -> tuple[Weight, ...]:
    """parts[k]ᵀ @ g."""

    def product(left: Array, right: Features) -> Array:
        return jnp.matmul(left, right, precision=how.precision)

    if jax.default_backend() != "cpu":
        return tuple(product(x.T, g) for x in parts)
    # without the barriers the compiler turns this into the slow product again
    apart = jax.lax.optimization_barrier
    if how.turn == "parts" and g.shape[1] > 1:
        return tuple(apart(product(apart(x.T), g)) for x in parts)
    turned = apart(g.T)
    return tuple(apart(product(turned, x)).T for x in parts)


# forward rules call the functions themselves, so that the rules hold for the derivatives of derivatives too
_sum.defvjp(
    lambda how, parts, weights: (_sum(how, parts, weights), (parts, weights)),
    lambda how, kept, g: (_back(how, g, kept[1]), _weight_gradients(how, g, kept[0])),
)
_back.defvjp(
    lambda how, g, weights: (_back(how, g, weights), (g, weights)),
    lambda how, kept, gs: (_sum(how, gs, kept[1]), _weight_gradients(how, kept[0], gs)),
)
