"""Bias-free multilayer perceptrons: SiLU between the layers, nothing after the last one.

A zero input gives a zero output, so features that vanish at the cutoff keep vanishing there. Weights are drawn from
U(−√3, √3), unit variance, and are scaled by gain/√fan_in when they are used (gain √2 after a SiLU): one learning rate
fits layers of any width.
"""

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from cgpipe.model.activation import silu
from cgpipe.model.products import How, sum_of_products

SILU_GAIN = math.sqrt(2.0)

Precision = Literal["float32", "tensorfloat32"]
PRECISIONS = {"float32": jax.lax.Precision.HIGHEST, "tensorfloat32": jax.lax.Precision.DEFAULT}
"""What a GPU makes of a product of float32 matrices: by default it rounds the factors to ten bits."""


def unit_uniform(key: PRNGKeyArray, shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Weights of zero mean and unit variance, U(−√3, √3)."""
    return jax.random.uniform(key, shape, jnp.float32, -math.sqrt(3.0), math.sqrt(3.0))


class MLP(eqx.Module):
    """A stack of linear maps with SiLU in between; one map alone is a bias-free linear layer."""

    weights: tuple[Float[Array, "fan_in fan_out"], ...]
    output_gain: float = eqx.field(static=True)
    precision: Precision = eqx.field(static=True)

    def __init__(
        self, widths: Sequence[int], key: PRNGKeyArray, output_gain: float = 1.0, precision: Precision = "float32"
    ):
        """Draw the weights.

        Args:
            widths: features in, of every hidden layer, and out.
            key: random key.
            output_gain: factor on the output, e.g. small where the untrained result should be.
            precision: of the products on a GPU; a CPU always takes float32.
        """
        keys = jax.random.split(key, len(widths) - 1)
        self.weights = tuple(unit_uniform(k, pair) for k, pair in zip(keys, pairwise(widths), strict=True))
        self.output_gain = output_gain
        self.precision = precision

    def __call__(self, *parts: Float[Array, "*edges _"]) -> Float[Array, "*edges _"]:
        """Apply to the concatenation of ``parts`` (which is never formed: the first weights are sliced instead)."""
        return self.split((), *parts)[0]

    def split(self, stops: Sequence[int], *parts: Float[Array, "*edges _"]) -> list[Float[Array, "*edges _"]]:
        """As ``__call__``, but the output in several arrays, cut before the features ``stops``, without a copy."""
        *hidden, last = (
            weight * ((SILU_GAIN if layer else 1.0) / math.sqrt(weight.shape[0]))
            for layer, weight in enumerate(self.weights)
        )
        edges = parts[0].shape[:-1]
        # as plain matrices: on a CPU, XLA takes 1.6 times as long for products of arrays with more axes
        parts = tuple(part.reshape(-1, part.shape[-1]) for part in parts)
        for weight in hidden:
            parts = (silu(self._product(parts, weight, "gradient")),)
        pieces = jnp.split(last * self.output_gain, stops, axis=1)
        outputs = [self._product(parts, piece, "parts") for piece in pieces]
        return [output.reshape(*edges, output.shape[1]) for output in outputs]

    def _product(
        self,
        parts: Sequence[Float[Array, "edges _"]],
        weight: Float[Array, "fan_in fan_out"],
        turn: Literal["parts", "gradient"],
    ) -> Float[Array, "edges fan_out"]:
        """The concatenation of ``parts`` times ``weight``."""
        stops = list(accumulate(part.shape[-1] for part in parts))
        if stops[-1] != weight.shape[0]:
            raise ValueError(f"inputs of {stops[-1]} features in all, expected {weight.shape[0]}")
        # split, not slices: the gradient of a split is one concatenation
        return sum_of_products(parts, jnp.split(weight, stops[:-1]), How(PRECISIONS[self.precision], turn))
