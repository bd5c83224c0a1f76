"""Ensembles that must fail, and the one that the network must beat: what the comparison is worth shows on them.

- *mirrored*: the simulation's mirror image. Distances, angles and sizes are the same; handedness is not.
- *shuffled*: every bead at a place it had in another frame of the simulation, after superposition. Means and
  fluctuations of single beads are the same; what holds beads together is gone.
- *prior alone*: Langevin dynamics without the network.

A comparison that cannot tell a control from the simulation cannot vouch for the simulation either.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from cgpipe.data.topology import Topology
from cgpipe.model.potential import Potential
from cgpipe.physics.ensembles import Quantity, quantity_divergence
from cgpipe.physics.langevin import langevin, start
from cgpipe.physics.observables import superposed
from cgpipe.physics.prior import Prior

REPLICAS = 8
FRAMES, EVERY = 200, 60
TIMESTEP, DAMPING = 4.0, 1.0
"""Of the dynamics under the prior alone: 48 ps in each replica, in fs and ps."""

LOCAL = ("bond", "angle", "dihedral")
"""Quantities of the local geometry, on which the controls are judged."""

CLEARLY = 0.01
"""Divergence by which a control must be worse, so that no rounding passes for it."""


def mirrored(R: Float[np.ndarray, "frames beads 3"]) -> Float[np.ndarray, "frames beads 3"]:
    """The mirror image."""
    return R * np.array([-1.0, 1.0, 1.0], R.dtype)


def shuffled(
    R: Float[np.ndarray, "frames beads 3"], generator: np.random.Generator
) -> Float[np.ndarray, "frames beads 3"]:
    """Every bead's places, superposed on the first frame, in an order of their own."""
    placed = superposed(R, R[0])
    order = np.argsort(generator.random(R.shape[:2]), axis=0)
    return np.take_along_axis(placed, order[:, :, None], axis=0)


def control_divergences(
    quantities: Sequence[Quantity],
    reference: Sequence[Float[np.ndarray, "_ beads 3"]],
    simulated: Sequence[Float[np.ndarray, "_ beads 3"]],
    alone: Sequence[Float[np.ndarray, "_ beads 3"]],
    bins: int,
    generator: np.random.Generator,
) -> dict[str, Any]:
    """JS of every control from the reference, as ``js_{quantity}_{control}``, quantity by quantity.

    Args:
        quantities: what is compared.
        reference: frames of each trajectory [Å].
        simulated: frames of each replica [Å].
        alone: frames of each replica under the prior alone [Å].
        bins: of the histograms.
        generator: of the order of shuffled beads.
    """
    runs = [run for run in simulated if len(run)]
    ensembles = {"prior": alone}
    if runs:
        borders = np.cumsum([len(run) for run in runs])[:-1]
        ensembles["mirrored"] = [mirrored(run) for run in runs]
        ensembles["shuffled"] = np.split(shuffled(np.concatenate(runs), generator), borders)
    return {
        f"js_{quantity.name}_{name}": quantity_divergence(quantity, reference, R, bins)
        for name, R in ensembles.items()
        for quantity in quantities
    }


def flagged(numbers: dict[str, Any], control: str) -> bool | None:
    """Whether a control is clearly worse than the simulation in local geometry: beyond its interval, by more than
    twice the reference's own divergence.

    None where it could not be measured.
    """
    verdicts = []
    for quantity in LOCAL:
        value, ours = numbers.get(f"js_{quantity}_{control}"), numbers.get(f"js_{quantity}")
        floor = numbers.get(f"js_{quantity}_split_half") or 0.0
        if value is not None and ours is not None:
            _, high = numbers.get(f"js_{quantity}_interval") or (ours, ours)
            verdicts.append(value > CLEARLY + max(high, 2 * floor, 0.0))
    return any(verdicts) if verdicts else None


def prior_alone(
    prior: Prior,
    cutoff: float,
    starts: Float[np.ndarray, "frames beads 3"],
    topology: Topology,
    masses: Float[np.ndarray, " beads"],
    temperature: float,
    seed: int,
) -> list[Float[np.ndarray, "_ beads 3"]]:
    """Frames of each replica of short dynamics without the network [Å], from frames spread over the reference.

    The first fifth is left out, and so are frames that are not finite.

    Args:
        starts: the reference's frames [Å].
        masses: of the beads [g/mol].
        temperature: [K].
        seed: of velocities and noise.
    """
    potential = Potential(prior, None, cutoff, starts.shape[1] - 1)
    real = Topology(*map(jnp.asarray, topology))
    of_bead = jnp.asarray(masses, jnp.float32)

    def forces(R: Float[Array, "beads 3"]) -> Float[Array, "beads 3"]:
        return potential.evaluate(R, real).forces

    @jax.jit
    def run(R: Float[Array, "replicas beads 3"], keys: Array) -> Float[Array, "replicas frames beads 3"]:
        def replica(R: Float[Array, "beads 3"], key: Array) -> Float[Array, "frames beads 3"]:
            velocities, noise = jax.random.split(key)
            state = start(forces, R, of_bead, temperature, velocities)
            return langevin(forces, state, of_bead, temperature, TIMESTEP, DAMPING, FRAMES, EVERY, noise)[1]

        return jax.vmap(replica)(R, keys)

    chosen = starts[np.linspace(0, len(starts) - 1, REPLICAS).astype(int)]
    R = np.asarray(run(jnp.asarray(chosen, jnp.float32), jax.random.split(jax.random.key(seed), REPLICAS)))
    kept = R[:, FRAMES // 5 :].astype(np.float64)
    return [replica[np.all(np.isfinite(replica), axis=(1, 2))] for replica in kept]
