"""Gradients clipped where they are unusual: at a multiple of the median norm of the last steps.

A fixed limit means nothing without knowing the norms, which depend on the units, the weights and the size of a batch:
too low, it clips every step and with it takes away whatever weight a frame was given; too high, it never acts. A
multiple of the running median leaves ordinary steps alone, whatever their scale, and bounds the rare one that would
throw the weights away (as AutoClip, Seetharaman et al., IEEE MLSP 2020, which takes a percentile).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int

WINDOW = 100
"""Steps whose norms the median is taken of."""

FEWEST = 10
"""Steps before which nothing is clipped: their median would be chance, and warm-up keeps them small."""


class ClippingState(NamedTuple):
    """Norms of the last steps (∞ where there is none), the number of steps, and whether the last one was clipped.

    Not NaN: processes that take up a checkpoint compare what they have read, and NaN differs from itself.
    """

    norms: Float[Array, " window"]
    steps: Int[Array, ""]
    clipped: Bool[Array, ""]


def clip_by_median_norm(multiple: float) -> optax.GradientTransformation:
    """Scale gradients down to at most so many times the median of the global norms of the last `WINDOW` steps."""

    def init(parameters: optax.Params) -> ClippingState:
        del parameters
        return ClippingState(jnp.full(WINDOW, jnp.inf), jnp.zeros((), jnp.int32), jnp.zeros((), bool))

    def update(
        gradient: optax.Updates, state: ClippingState, parameters: optax.Params | None = None
    ) -> tuple[optax.Updates, ClippingState]:
        del parameters
        norm = optax.tree.norm(gradient)
        usual = jnp.nanmedian(jnp.where(jnp.isfinite(state.norms), state.norms, jnp.nan))
        limit = jnp.where(state.steps < FEWEST, jnp.inf, multiple * usual)
        clipped = norm > limit
        scale = jnp.where(clipped, limit / norm, 1.0)
        norms = state.norms.at[state.steps % WINDOW].set(jnp.where(jnp.isfinite(norm), norm, jnp.inf))
        return jax.tree.map(lambda g: g * scale, gradient), ClippingState(norms, state.steps + 1, clipped)

    return optax.GradientTransformation(init, update)
