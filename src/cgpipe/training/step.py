"""One training step and one evaluation, compiled, on one or many devices.

Data are split over a mesh of devices along the frames; parameters are replicated. Each device works off its frames in
one or more parts, and gradients are summed over parts and devices, so a result does not depend on how many of either
there are, beyond rounding. On a CPU parts are small enough for its cache.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Float, Int

from cgpipe.model.potential import Potential
from cgpipe.training.devices import FRAMES, replicated
from cgpipe.training.feed import Batch
from cgpipe.training.loss import FrameErrors, force_loss, frame_errors, loss_scale

EDGES_PER_PART = 2000
"""Edges that a CPU handles at a time, so that they fit its cache."""

AVERAGE_WARMUP = 10.0
"""The average's decay is at most (1 + t)/(this + t) after t steps, so that it forgets the untrained weights."""


class Sums(eqx.Module):
    """Sums over frames: Σ (f − F)² [(kcal/mol/Å)²], components; and the most neighbour slots that one needs."""

    error2: Float[Array, ""]
    components: Float[Array, ""]
    needed: Int[Array, ""]

    def joined(self, other: "Sums") -> "Sums":
        """Of both sets of frames."""
        return Sums(
            self.error2 + other.error2, self.components + other.components, jnp.maximum(self.needed, other.needed)
        )


def no_sums() -> Sums:
    """Of no frames."""
    return Sums(jnp.zeros(()), jnp.zeros(()), jnp.zeros((), jnp.int32))


class TrainState(eqx.Module):
    """What a step changes: trainable leaves, their average, the optimiser; sums and clipped steps of the epoch."""

    parameters: Potential
    average: Potential
    optimiser: optax.OptState
    step: Int[Array, ""]
    sums: Sums
    clipped: Int[Array, ""]


def initial_state(parameters: Potential, optimiser: optax.GradientTransformation) -> TrainState:
    """The state before the first step."""
    zero = jnp.zeros((), jnp.int32)
    return TrainState(parameters, parameters, optimiser.init(parameters), zero, no_sums(), zero)


def start_epoch(state: TrainState) -> TrainState:
    """The same state with what is counted per epoch set to zero."""
    return eqx.tree_at(lambda s: (s.sums, s.clipped), state, (no_sums(), jnp.zeros((), jnp.int32)))


def make_step(
    fixed: Potential,
    optimiser: optax.GradientTransformation,
    gamma: float,
    ema_decay: float,
    mesh: Mesh,
    accumulate: int = 1,
) -> Callable[[TrainState, Batch], TrainState]:
    """Compile the step of one phase (once per length of chain, at its first batch).

    Args:
        fixed: everything that is not trained (trainable leaves None).
        optimiser: of the phase.
        gamma: γ_F.
        ema_decay: largest decay of the average per step; 0 makes the average follow the parameters.
        mesh: from :func:`cgpipe.training.devices.data_mesh`.
        accumulate: parts in which every device works off its frames.
    """

    def objective(parameters: Potential, batch: Batch, scale: Float[Array, ""]) -> tuple[Float[Array, ""], Sums]:
        errors = frame_errors(eqx.combine(parameters, fixed), batch)
        # the epoch's error counts every single frame once, as validation does
        used = (batch.single & (batch.weight > 0)).astype(errors.error2.dtype)
        sums = Sums(jnp.sum(errors.error2 * used), jnp.sum(errors.components * used), jnp.max(errors.needed))
        return force_loss(errors, batch.weight, scale), sums

    def on_one_device(parameters: Potential, own: Batch, scale: Float[Array, ""]) -> tuple[Potential, Sums]:
        gradient_of = jax.grad(objective, has_aux=True)
        parts = accumulate * parts_on_cpu(own, fixed.neighbour_slots, mesh, accumulate)

        def add(total: tuple[Potential, Sums], part: Batch) -> tuple[tuple[Potential, Sums], None]:
            gradient, sums = gradient_of(parameters, part, scale)
            return (jax.tree.map(jnp.add, total[0], gradient), total[1].joined(sums)), None

        if parts == 1:
            gradient, sums = gradient_of(parameters, own, scale)
        else:
            nothing = jax.tree.map(jnp.zeros_like, parameters), no_sums()
            gradient, sums = jax.lax.scan(add, nothing, _in_parts(own, parts))[0]
        # as one array: on CPUs every array is summed by a meeting of the devices of its own
        flat, as_it_was = ravel_pytree((gradient, sums.error2, sums.components))
        gradient, error2, components = as_it_was(jax.lax.psum(flat, FRAMES))
        return gradient, Sums(error2, components, jax.lax.pmax(sums.needed, FRAMES))

    everywhere, divided = PartitionSpec(), PartitionSpec(FRAMES)
    # unchecked, gradients of replicated parameters stay those of a device's own frames until they are summed above
    on_all_devices = jax.shard_map(
        on_one_device,
        mesh=mesh,
        in_specs=(everywhere, divided, everywhere),
        out_specs=(everywhere, everywhere),
        check_vma=False,
    )

    def step(state: TrainState, batch: Batch) -> TrainState:
        gradient, sums = on_all_devices(state.parameters, batch, loss_scale(batch, gamma))
        with jax.numpy_dtype_promotion("standard"):  # optax raises floats to the power of its integer step count
            updates, optimiser_state = optimiser.update(gradient, state.optimiser, state.parameters)
        parameters = optax.apply_updates(state.parameters, updates)
        t = state.step.astype(jnp.float32)
        decay = jnp.minimum(ema_decay, (1.0 + t) / (AVERAGE_WARMUP + t))
        average = jax.tree.map(lambda new, old: decay * old + (1.0 - decay) * new, parameters, state.average)
        clipped = optax.tree_utils.tree_get(optimiser_state, "clipped", default=jnp.zeros((), bool))
        clipped = state.clipped + clipped.astype(jnp.int32)
        return TrainState(parameters, average, optimiser_state, state.step + 1, state.sums.joined(sums), clipped)

    return jax.jit(step, out_shardings=replicated(mesh))


def parts_on_cpu(batch: Batch, slots: int, mesh: Mesh, accumulate: int = 1) -> int:
    """Into how many parts a CPU should divide each accumulated part of its batch so that it fits the cache."""
    if mesh.devices.flat[0].platform != "cpu":
        return 1
    frames, beads = batch.R.shape[0] // accumulate, batch.R.shape[1]
    edges = frames * beads * min(slots, beads - 1)
    return next(n for n in range(1, frames + 1) if frames % n == 0 and (edges <= n * EDGES_PER_PART or n == frames))


def make_evaluation(fixed: Potential, mesh: Mesh) -> Callable[[Potential, Batch], FrameErrors]:
    """Compile the force errors of a batch: every device takes its frames, every process gets the errors of all."""

    def on_one_device(parameters: Potential, own: Batch) -> FrameErrors:
        potential, parts = eqx.combine(parameters, fixed), parts_on_cpu(own, fixed.neighbour_slots, mesh)
        errors = jax.lax.map(lambda part: frame_errors(potential, part), _in_parts(own, parts))
        return jax.tree.map(jnp.ravel, errors)

    everywhere, divided = PartitionSpec(), PartitionSpec(FRAMES)
    # left to itself, the compiler would send edges between devices: all frames' edges are one list
    on_all_devices = jax.shard_map(
        on_one_device, mesh=mesh, in_specs=(everywhere, divided), out_specs=divided, check_vma=False
    )
    return jax.jit(on_all_devices, out_shardings=replicated(mesh))


def _in_parts(batch: Batch, parts: int) -> Batch:
    """The frames of a batch as so many batches, stacked."""
    return jax.tree.map(lambda x: jnp.reshape(x, (parts, -1, *x.shape[1:])), batch)
