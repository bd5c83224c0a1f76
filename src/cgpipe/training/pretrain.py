"""Force matching of the prior alone: L-BFGS on its parameters before the network is trained.

Parameters have very different magnitudes, so the search runs in units of each one's own size. Every evaluation sees the
same frames, a bounded number spread evenly over all, padded to one length, in chunks that bound its memory; mean
forces count with their weight. The fitted prior is kept beside the checkpoints: a training that is taken up goes on
with the same bits.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Shaped
from numpy import ndarray

from cgpipe.config.training import Training
from cgpipe.data.stored import Source
from cgpipe.model.potential import Potential
from cgpipe.physics.prior import Prior, ThermalPrior
from cgpipe.training.checkpoint import Checkpoints
from cgpipe.training.distributed import is_writer
from cgpipe.training.feed import Batch, gather
from cgpipe.training.loss import frame_errors

AnyPrior = TypeVar("AnyPrior", Prior, ThermalPrior)

CHUNK = 64
SEARCH = optax.lbfgs()

SMALLEST_UNIT = 0.1
"""Parameters smaller than this (or zero) are searched in this unit."""

KEPT = "pretrained"
"""Name of the fitted prior beside the checkpoints."""


class Pretrained(NamedTuple):
    """The fitted prior and how the fit went: steps, and (weighted) MSE before and after of the training frames and
    of held-out ones [(kcal/mol/Å)²]."""

    prior: Prior | ThermalPrior
    steps: int
    mse_before: float
    mse_after: float
    heldout_mse_before: float
    heldout_mse_after: float

    def facts(self) -> dict[str, Any]:
        """All but the prior."""
        return {name: value for name, value in self._asdict().items() if name != "prior"}


def pretrain_once(
    potential: Potential,
    buckets: Sequence[Source],
    heldout: Sequence[Source],
    settings: Training,
    checkpoints: Checkpoints,
) -> Pretrained:
    """What `pretrain` gives, or gave when this training began; with the settings' bounds."""
    kept = checkpoints.kept(KEPT, potential.prior)
    if kept is not None:
        return Pretrained(prior=kept[1], **kept[0])
    bounds = settings.pretrain_frames, settings.pretrain_steps, settings.pretrain_tolerance
    made = pretrain(potential, buckets, heldout, *bounds)
    if is_writer():
        checkpoints.keep(KEPT, made.facts(), made.prior)
    return made


def pretrain(
    potential: Potential,
    buckets: Sequence[Source],
    heldout: Sequence[Source],
    frames: int,
    steps: int,
    tolerance: float,
) -> Pretrained:
    """Fit the prior to the forces of training frames.

    Args:
        potential: its prior is where the search begins; its network is left out.
        buckets: training frames by length.
        heldout: other frames by length, to report on.
        frames: at most so many of each of the two, spread evenly.
        steps: at most so many.
        tolerance: the search ends when the gradient's norm is below this share of the first one's.
    """
    prior = potential.prior
    if prior is None:
        raise ValueError("there is no prior to fit")
    around = replace(potential, prior=None, network=None)
    seen, others = (jax.tree.map(jnp.asarray, chunked(some, frames)) for some in (buckets, heldout))

    shift = jax.tree.map(jnp.zeros_like, eqx.filter(prior, prior.trainable()))
    # as the search returns it: it would be compiled a second time for its own first state
    state = jax.tree.map(lambda x: jnp.asarray(x, x.dtype), SEARCH.init(shift))
    best, first_norm = shift, 0.0
    values: list[float] = []
    for _ in range(steps + 1):  # each round measures the point that the one before reached
        moved, state, value, norm = _advance(shift, state, prior, around, seen)
        first_norm = first_norm or float(norm)
        if not jnp.isfinite(value) or (values and value >= min(values)):
            break
        best, shift = shift, moved
        values.append(float(value))
        if norm <= tolerance * first_norm:
            break
    unmoved = jax.tree.map(jnp.zeros_like, shift)
    before, after = (float(_measured(point, prior, around, others)) for point in (unmoved, best))
    return Pretrained(_moved(prior, best), len(values) - 1, values[0], values[-1], before, after)


def _moved(prior: AnyPrior, shift: AnyPrior) -> AnyPrior:
    """The prior with its parameters moved by so many of their units: the search is over these shifts."""
    free, fixed = eqx.partition(prior, prior.trainable())
    unit = jax.tree.map(lambda p: jnp.maximum(jnp.abs(p), SMALLEST_UNIT), free)
    return eqx.combine(jax.tree.map(lambda p, u, x: p + u * x, free, unit, shift), fixed)


def _mse(shift: AnyPrior, prior: AnyPrior, around: Potential, chunks: Batch) -> Float[Array, ""]:
    moved = replace(around, prior=_moved(prior, shift))
    error2, components = jax.lax.map(jax.checkpoint(lambda batch: _sums(moved, batch)), chunks)
    return error2.sum() / components.sum()


_measured = eqx.filter_jit(_mse)


@eqx.filter_jit
def _advance(
    shift: AnyPrior, state: optax.OptState, prior: AnyPrior, around: Potential, chunks: Batch
) -> tuple[AnyPrior, optax.OptState, Float[Array, ""], Float[Array, ""]]:
    """A step of the search; the MSE and the norm of its gradient where it begins."""
    given = {"prior": prior, "around": around, "chunks": chunks}
    value, gradient = optax.value_and_grad_from_state(_mse)(shift, state=state, **given)
    updates, state = SEARCH.update(gradient, state, shift, value=value, grad=gradient, value_fn=_mse, **given)
    return optax.apply_updates(shift, updates), state, value, optax.tree.norm(gradient)


def _sums(potential: Potential, batch: Batch) -> tuple[Float[Array, ""], Float[Array, ""]]:
    errors = frame_errors(potential, batch)
    return jnp.sum(errors.error2 * batch.weight), jnp.sum(errors.components * batch.weight)


def chunked(buckets: Sequence[Source], most: int) -> Batch:
    """Frames as batches of ``CHUNK``, padded to the longest chain and stacked: all, or ``most`` at even distances."""
    sizes = [len(source.protein) for source in buckets]
    every = max(sum(sizes) / most, 1.0)
    chosen = (np.arange(min(sum(sizes), most)) * every).astype(int)
    batches = []
    for source, size, end in zip(buckets, sizes, np.cumsum(sizes), strict=True):
        rows = chosen[(chosen >= end - size) & (chosen < end)] - (end - size)
        batches += [gather(source, rows[start : start + CHUNK], CHUNK) for start in range(0, len(rows), CHUNK)]
    longest = max(batch.R.shape[1] for batch in batches)
    lengthened = [jax.tree.map(lambda x: _lengthened(x, longest) if x.ndim > 1 else x, batch) for batch in batches]
    return jax.tree.map(lambda *parts: np.stack(parts), *lengthened)


def _lengthened(values: Shaped[ndarray, "frames beads ..."], beads: int) -> Shaped[ndarray, "frames {beads} ..."]:
    """More beads at the end, of zeros: their mask is False."""
    return np.pad(values, [(0, 0), (0, beads - values.shape[1]), *[(0, 0)] * (values.ndim - 2)])
