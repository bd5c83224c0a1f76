"""Force matching of the prior alone: L-BFGS on its parameters before the network is trained.

Parameters have very different magnitudes, so the search runs in units of each one's own size. Every evaluation sees
all training frames, padded to one length, in chunks that bound the memory.
"""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Shaped
from numpy import ndarray

from cgpipe.data.store import Frames
from cgpipe.model.potential import Potential
from cgpipe.physics.prior import Prior
from cgpipe.training.feed import Batch, gather
from cgpipe.training.loss import frame_errors

CHUNK = 64
SMALLEST_UNIT = 0.1
"""Parameters smaller than this (or zero) are searched in this unit."""


class Pretrained(NamedTuple):
    """The fitted prior and how the fit went: steps, and MSE before and after of the training frames and of held-out
    ones [(kcal/mol/Å)²]."""

    prior: Prior
    steps: int
    mse_before: float
    mse_after: float
    heldout_mse_before: float
    heldout_mse_after: float


def pretrain(
    potential: Potential, buckets: Sequence[Frames], heldout: Sequence[Frames], steps: int, tolerance: float
) -> Pretrained:
    """Fit the prior to the forces of the training frames.

    Args:
        potential: its prior is where the search begins; its network is left out.
        buckets: training frames by length.
        heldout: other frames by length, to report on.
        steps: at most so many.
        tolerance: the search ends when the gradient's norm is below this share of the first one's.
    """
    prior = potential.prior
    if prior is None:
        raise ValueError("there is no prior to fit")
    free, fixed = eqx.partition(prior, prior.trainable())
    unit = jax.tree.map(lambda p: jnp.maximum(jnp.abs(p), SMALLEST_UNIT), free)
    frames, others = (jax.tree.map(jnp.asarray, _chunked(some)) for some in (buckets, heldout))

    def prior_at(shift: Prior) -> Prior:
        return eqx.combine(jax.tree.map(lambda p, u, x: p + u * x, free, unit, shift), fixed)

    def mse(shift: Prior, chunks: Batch) -> Float[Array, ""]:
        moved = Potential(prior_at(shift), None, potential.cutoff, potential.neighbour_slots)
        error2, components = jax.lax.map(jax.checkpoint(lambda batch: _sums(moved, batch)), chunks)
        return error2.sum() / components.sum()

    search = optax.lbfgs()
    value_and_gradient = optax.value_and_grad_from_state(mse)

    @jax.jit
    def advance(
        shift: Prior, state: optax.OptState, chunks: Batch
    ) -> tuple[Prior, optax.OptState, Float[Array, ""], Float[Array, ""]]:
        value, gradient = value_and_gradient(shift, state=state, chunks=chunks)
        updates, state = search.update(gradient, state, shift, value=value, grad=gradient, value_fn=mse, chunks=chunks)
        return optax.apply_updates(shift, updates), state, value, optax.tree.norm(gradient)

    shift = jax.tree.map(jnp.zeros_like, free)
    state = search.init(shift)
    best, first_norm = shift, 0.0
    values: list[float] = []
    for _ in range(steps + 1):  # each round measures the point that the one before reached
        moved, state, value, norm = advance(shift, state, frames)
        first_norm = first_norm or float(norm)
        if not jnp.isfinite(value) or (values and value >= min(values)):
            break
        best, shift = shift, moved
        values.append(float(value))
        if norm <= tolerance * first_norm:
            break
    before, after = (float(jax.jit(mse)(point, others)) for point in (jax.tree.map(jnp.zeros_like, free), best))
    return Pretrained(prior_at(best), len(values) - 1, values[0], values[-1], before, after)


def _sums(potential: Potential, batch: Batch) -> tuple[Float[Array, ""], Float[Array, ""]]:
    errors = frame_errors(potential, batch)
    return jnp.sum(errors.error2 * batch.weight), jnp.sum(errors.components * batch.weight)


def _chunked(buckets: Sequence[Frames]) -> Batch:
    """All frames as batches of ``CHUNK``, padded to the longest chain and stacked."""
    longest = max(frames.R.shape[1] for frames in buckets)
    batches = []
    for frames in buckets:
        rows = np.arange(len(frames.R))
        for start in range(0, len(rows), CHUNK):
            batch = gather(frames, rows[start : start + CHUNK], CHUNK)
            batches.append(jax.tree.map(lambda x: _lengthened(x, longest) if x.ndim > 1 else x, batch))
    return jax.tree.map(lambda *parts: np.stack(parts), *batches)


def _lengthened(values: Shaped[ndarray, "frames beads ..."], beads: int) -> Shaped[ndarray, "frames {beads} ..."]:
    """More beads at the end, of zeros: their mask is False."""
    return np.pad(values, [(0, 0), (0, beads - values.shape[1]), *[(0, 0)] * (values.ndim - 2)])
