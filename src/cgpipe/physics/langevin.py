"""Langevin dynamics of beads by BAOAB splitting, compiled as one scan and batched by ``vmap``.

Half kick, half drift, Ornstein–Uhlenbeck, half drift, half kick (Leimkuhler & Matthews, Appl. Math. Res. eXpress
2013, 34): exact in configuration space for a harmonic oscillator at any stable step. One force evaluation per step.
Units: Å, fs, kcal/mol, g/mol; velocities in Å/fs.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from cgpipe.units import FORCE_TO_ACCELERATION, FS_PER_PS, thermal_energy

Forces = Callable[[Float[Array, "beads 3"]], Float[Array, "beads 3"]]


class State(NamedTuple):
    """Positions [Å], velocities [Å/fs] and forces [kcal/mol/Å] at one time."""

    R: Float[Array, "beads 3"]
    V: Float[Array, "beads 3"]
    F: Float[Array, "beads 3"]


def start(
    forces: Forces, R: Float[Array, "beads 3"], masses: Float[Array, " beads"], temperature: float, key: PRNGKeyArray
) -> State:
    """Positions with velocities drawn at a temperature [K]; masses in g/mol."""
    spread = jnp.sqrt(thermal_energy(temperature) * FORCE_TO_ACCELERATION / masses)[:, None]
    return State(R, spread * jax.random.normal(key, R.shape, R.dtype), forces(R))


def langevin(
    forces: Forces,
    state: State,
    masses: Float[Array, " beads"],
    temperature: float,
    timestep: float,
    damping: float,
    frames: int,
    every: int,
    key: PRNGKeyArray,
) -> tuple[State, Float[Array, "frames beads 3"], Float[Array, " frames"]]:
    """Run ``frames × every`` steps.

    Args:
        forces: positions [Å] → forces [kcal/mol/Å].
        state: where to begin, from ``start`` or an earlier run.
        masses: [g/mol].
        temperature: of the bath [K].
        timestep: [fs].
        damping: relaxation time of the velocities [ps].
        frames: frames kept.
        every: steps from one kept frame to the next.
        key: of the noise.

    Returns:
        The last state, the kept positions [Å], and the kinetic temperature of each kept frame [K].
    """
    acceleration = (FORCE_TO_ACCELERATION / masses)[:, None]
    keep = math.exp(-timestep / (damping * FS_PER_PS))
    noise = math.sqrt(1 - keep**2) * jnp.sqrt(thermal_energy(temperature) * acceleration)

    def step(state: State, key: PRNGKeyArray) -> tuple[State, None]:
        V = state.V + 0.5 * timestep * acceleration * state.F
        R = state.R + 0.5 * timestep * V
        V = keep * V + noise * jax.random.normal(key, V.shape, V.dtype)
        R = R + 0.5 * timestep * V
        F = forces(R)
        return State(R, V + 0.5 * timestep * acceleration * F, F), None

    def block(state: State, key: PRNGKeyArray) -> tuple[State, tuple[Array, Array]]:
        state, _ = jax.lax.scan(step, state, jax.random.split(key, every))
        twice_kinetic = jnp.sum(state.V**2 / acceleration)
        return state, (state.R, twice_kinetic / (state.R.size * thermal_energy(1.0)))

    last, (R, kinetic) = jax.lax.scan(block, state, jax.random.split(key, frames))
    return last, R, kinetic
