"""One training step and one evaluation, compiled, on one or many devices.

Data are split over a mesh of devices along the frames; parameters are replicated. The compiler inserts the sum of
gradients over devices, so a result does not depend on how many there are, beyond rounding. On one CPU a batch is worked
off in parts that fit its cache, with the same sum.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int

from cgpipe.model.potential import Potential
from cgpipe.training.feed import Batch
from cgpipe.training.loss import FrameErrors, force_loss, frame_errors, loss_scale

FRAMES = "frames"
EDGES_PER_PART = 2000
"""Edges that a CPU handles at a time, so that they fit its cache."""

AVERAGE_WARMUP = 10.0
"""The average's decay is at most (1 + t)/(this + t) after t steps, so that it forgets the untrained weights."""


class TrainState(eqx.Module):
    """What a step changes: trainable leaves, their running average, the optimiser, sums of the current epoch."""

    parameters: Potential
    average: Potential
    optimiser: optax.OptState
    step: Int[Array, ""]
    error2: Float[Array, ""]
    components: Float[Array, ""]
    needed: Int[Array, ""]


def initial_state(parameters: Potential, optimiser: optax.GradientTransformation) -> TrainState:
    """The state before the first step."""
    zero, none = jnp.zeros(()), jnp.zeros((), jnp.int32)
    return TrainState(parameters, parameters, optimiser.init(parameters), none, zero, zero, none)


def start_epoch(state: TrainState) -> TrainState:
    """The same state with the sums of the epoch set to zero."""
    zeros = [jnp.zeros_like(state.error2), jnp.zeros_like(state.components), jnp.zeros_like(state.needed)]
    return eqx.tree_at(lambda s: [s.error2, s.components, s.needed], state, zeros)


def data_mesh(devices: list[jax.Device]) -> Mesh:
    """All devices in a row, along the frames of a batch."""
    return Mesh(np.array(devices), (FRAMES,))


def spread(mesh: Mesh) -> NamedSharding:
    """Frames divided among the devices."""
    return NamedSharding(mesh, PartitionSpec(FRAMES))


def replicated(mesh: Mesh) -> NamedSharding:
    """The same values on every device."""
    return NamedSharding(mesh, PartitionSpec())


def make_step(
    fixed: Potential, optimiser: optax.GradientTransformation, gamma: float, ema_decay: float, mesh: Mesh
) -> Callable[[TrainState, Batch], TrainState]:
    """Compile the step of one phase (once per length of chain, at its first batch).

    Args:
        fixed: everything that is not trained (trainable leaves None).
        optimiser: of the phase.
        gamma: γ_F.
        ema_decay: largest decay of the average per step; 0 makes the average follow the parameters.
        mesh: from :func:`data_mesh`.
    """

    def objective(parameters: Potential, batch: Batch, scale: Float[Array, ""]) -> tuple[Float[Array, ""], FrameErrors]:
        errors = frame_errors(eqx.combine(parameters, fixed), batch)
        return force_loss(errors, batch.weight, scale), errors

    def gradient_of(parameters: Potential, batch: Batch) -> tuple[Potential, FrameErrors]:
        scale = loss_scale(batch, gamma)
        parts = parts_on_one_cpu(batch, fixed.neighbour_slots, mesh)
        if parts == 1:
            return jax.grad(objective, has_aux=True)(parameters, batch, scale)

        def add(total: Potential, part: Batch) -> tuple[Potential, FrameErrors]:
            gradient, errors = jax.grad(objective, has_aux=True)(parameters, part, scale)
            return jax.tree.map(jnp.add, total, gradient), errors

        divided = jax.tree.map(lambda x: jnp.reshape(x, (parts, -1, *x.shape[1:])), batch)
        total, errors = jax.lax.scan(add, jax.tree.map(jnp.zeros_like, parameters), divided)
        return total, jax.tree.map(jnp.ravel, errors)

    def step(state: TrainState, batch: Batch) -> TrainState:
        gradient, errors = gradient_of(state.parameters, batch)
        updates, optimiser_state = optimiser.update(gradient, state.optimiser, state.parameters)
        parameters = optax.apply_updates(state.parameters, updates)
        t = state.step.astype(jnp.float32)
        # the epoch's error counts every frame once, as validation does
        used = (batch.weight > 0).astype(errors.error2.dtype)
        decay = jnp.minimum(ema_decay, (1.0 + t) / (AVERAGE_WARMUP + t))
        average = optax.incremental_update(parameters, state.average, 1.0 - decay)
        return TrainState(
            parameters,
            average,
            optimiser_state,
            state.step + 1,
            state.error2 + jnp.sum(errors.error2 * used),
            state.components + jnp.sum(errors.components * used),
            jnp.maximum(state.needed, jnp.max(errors.needed)),
        )

    return jax.jit(step, out_shardings=replicated(mesh))


def parts_on_one_cpu(batch: Batch, slots: int, mesh: Mesh) -> int:
    """Into how many equal parts to divide a batch: one, unless a single CPU has to do it all."""
    if mesh.size > 1 or mesh.devices.flat[0].platform != "cpu":
        return 1
    frames, beads, _ = batch.R.shape
    edges = frames * beads * min(slots, beads - 1)
    return next(n for n in range(1, frames + 1) if frames % n == 0 and (edges <= n * EDGES_PER_PART or n == frames))


def make_evaluation(fixed: Potential, mesh: Mesh) -> Callable[[Potential, Batch], FrameErrors]:
    """Compile the force errors of a batch; every process gets all of them."""
    return jax.jit(
        lambda parameters, batch: frame_errors(eqx.combine(parameters, fixed), batch), out_shardings=replicated(mesh)
    )
