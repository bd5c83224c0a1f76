"""The force loss: γ_F · Σ (f − F)² / number of real components, in (kcal/mol/Å)².

Padded beads and frames of weight 0 add nothing to either sum. A batch that is not full keeps the weight per frame of a
full one: its mean is scaled by the share of rows in use.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int
from numpy import ndarray

from cgpipe.data.topology import Topology
from cgpipe.model.potential import Potential
from cgpipe.training.feed import Batch


class FrameErrors(NamedTuple):
    """Per frame: Σ (f − F)² and Σ F² over real components [(kcal/mol/Å)²], their number, and slots needed."""

    error2: Float[Array, " frames"]
    label2: Float[Array, " frames"]
    components: Float[Array, " frames"]
    needed: Int[Array, " frames"]


def frame_errors(potential: Potential, batch: Batch) -> FrameErrors:
    """Force errors of every frame of a batch, rows of weight 0 included."""
    R, topology = jnp.asarray(batch.R), Topology(*map(jnp.asarray, batch.topology))
    evaluation = potential.evaluate_many(R, topology, temperature=jnp.asarray(batch.temperature))
    real = batch.topology.mask[..., None]
    error = jnp.where(real, evaluation.forces - batch.F, 0.0)
    label = jnp.where(real, batch.F, 0.0)
    components = 3.0 * jnp.sum(batch.topology.mask, axis=1).astype(error.dtype)
    return FrameErrors(jnp.sum(error**2, (1, 2)), jnp.sum(label**2, (1, 2)), components, evaluation.needed)


def loss_scale(batch: Batch, gamma: float) -> Float[Array, ""]:
    """What Σ (f − F)² of a batch is multiplied with: γ_F / real components × share of the rows in use."""
    real = jnp.where(batch.topology.mask, batch.weight[:, None], 0.0)
    return gamma * jnp.mean(batch.weight) / (3.0 * jnp.sum(real))


def force_loss(
    errors: FrameErrors, weight: Float[Array | ndarray, " frames"], scale: Float[Array, ""]
) -> Float[Array, ""]:
    """The objective of one step, or the share that some of its frames have in it."""
    return scale * jnp.sum(errors.error2 * weight)
