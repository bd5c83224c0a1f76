"""Somebody who wants a chain to break: random and compressed starts, squeezed again, and driven downhill in energy."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from cgpipe.data.topology import Topology
from cgpipe.model.potential import Potential

LONGEST_MOVE = 0.2
"""Of any bead in one step [Å]."""
FIRST_SIZE = 1e-3
"""Step along the forces after a compression [Å per kcal/mol/Å]."""


def starts(R: np.ndarray, number: int, seed: int) -> np.ndarray:
    """Frames of data, squeezed to 20–100 %, a third of them along one axis only, a third with random displacements, and
    a third replaced by beads at random in a box."""
    rng = np.random.default_rng(seed)
    chosen = R[rng.integers(len(R), size=number)].astype(np.float64)
    chosen -= chosen.mean(axis=1, keepdims=True)
    kind = np.arange(number) % 3
    scale = rng.uniform(0.2, 1.0, (number, 1, 1)) * np.ones((1, 1, 3))
    scale[kind == 0, :, 1:] = 1.0
    moved = chosen * scale + np.where(kind == 1, 1.0, 0.05)[:, None, None] * rng.normal(size=chosen.shape)
    box = rng.uniform(2.0, 15.0, (number, 1, 1)) * rng.uniform(-0.5, 0.5, chosen.shape)
    return np.where((kind == 2)[:, None, None], box, moved).astype(np.float32)


@partial(jax.jit, static_argnums=(3, 4))
def descend(potential: Potential, R: jax.Array, topology: Topology, rounds: int, steps: int) -> jax.Array:
    """Minimise every structure in rounds, pressed together to 50–90 % about a random bead between two rounds.

    Steepest descent that takes longer steps as long as the energy falls and shorter ones when it would rise.
    """

    def one(R: jax.Array, key: jax.Array) -> jax.Array:
        def step(state, number):
            R, E, F, size = state
            pressed = number % steps == 0
            about, by = jax.random.split(jax.random.fold_in(key, number))
            centre = R[jax.random.randint(about, (), 0, len(R))]
            share = jnp.where(number == 0, 1.0, jax.random.uniform(by, (), minval=0.5, maxval=0.9))
            longest = jnp.sqrt(jnp.max(jnp.sum(F**2, axis=-1)) + 1e-12)
            downhill = R + F * jnp.minimum(size, LONGEST_MOVE / longest)
            trial = jnp.where(pressed, centre + (R - centre) * share, downhill)
            evaluation = potential.evaluate(trial, topology)
            new = evaluation.bead_energies.sum()
            taken = pressed | (new < E)
            size = jnp.where(pressed, FIRST_SIZE, size * jnp.where(taken, 1.3, 0.4))
            return (*(jnp.where(taken, a, b) for a, b in ((trial, R), (new, E), (evaluation.forces, F))), size), None

        first = (R, jnp.float32(0), jnp.zeros_like(R), jnp.float32(FIRST_SIZE))
        return jax.lax.scan(step, first, jnp.arange(rounds * steps))[0][0]

    return jax.vmap(one)(R, jax.random.split(jax.random.key(1), len(R)))


def extremes(R: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Closest distance of any two beads of each structure, and its longest bond, of single chains [Å]."""
    r = np.linalg.norm(R[:, :, None] - R[:, None], axis=-1)
    closest = (r + 1e9 * np.eye(R.shape[1])).min(axis=(1, 2))
    return closest, np.linalg.norm(np.diff(R, axis=1), axis=-1).max(axis=1)
