"""Langevin dynamics of beads by BAOAB splitting, compiled as one scan and batched by ``vmap``.

Half kick, half drift, Ornstein–Uhlenbeck, half drift, half kick (Leimkuhler & Matthews, Appl. Math. Res. eXpress
2013, 34): exact in configuration space for a harmonic oscillator at any stable step. One force evaluation per step.
Without friction (infinite damping time) it is velocity Verlet. Units: Å, fs, kcal/mol, g/mol; velocities in Å/fs.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from cgpipe.units import FORCE_TO_ACCELERATION, FS_PER_PS, thermal_energy

PerReplica = float | Float[Array, "replicas 1 1"]
Forces = Callable[[Float[Array, "beads 3"]], Float[Array, "beads 3"]]


class State(NamedTuple):
    """Positions [Å], velocities [Å/fs] and forces [kcal/mol/Å] at one time."""

    R: Float[Array, "*replicas beads 3"]
    V: Float[Array, "*replicas beads 3"]
    F: Float[Array, "*replicas beads 3"]


class Bath(NamedTuple):
    """What a step needs to know besides forces and noise.

    Attributes:
        timestep: [fs].
        friction: of a step, dt/τ.
        acceleration: of a bead under a force of 1 kcal/mol/Å [Å/fs²].
        spread: of the velocities at the bath's temperature [Å/fs].
    """

    timestep: PerReplica
    friction: PerReplica
    acceleration: Float[Array, "beads 1"]
    spread: Float[Array, "*replicas beads 1"]

    @property
    def keep(self) -> Float[Array, "*replicas"]:
        """Share of a velocity that a step leaves."""
        return jnp.exp(-self.friction)

    @property
    def noise(self) -> Float[Array, "*replicas beads 1"]:
        """Spread of the noise that makes up for the friction of a step [Å/fs]."""
        return jnp.sqrt(-jnp.expm1(-2.0 * self.friction)) * self.spread


def heat_bath(masses: Float[Array, " beads"], thermal: PerReplica, timestep: PerReplica, damping: PerReplica) -> Bath:
    """A bath for beads of some masses; kT, time step and damping may differ between replicas.

    Args:
        masses: [g/mol].
        thermal: kT [kcal/mol].
        timestep: [fs].
        damping: relaxation time of the velocities [ps]; infinite for no friction.
    """
    acceleration = (FORCE_TO_ACCELERATION / masses)[:, None]
    return Bath(timestep, timestep / (damping * FS_PER_PS), acceleration, jnp.sqrt(thermal * acceleration))


def kick_and_drift(
    state: State, bath: Bath, normal: Float[Array, "*replicas beads 3"]
) -> tuple[Float[Array, "*replicas beads 3"], Float[Array, "*replicas beads 3"]]:
    """The part of a step before its forces, BAOA: new positions, and velocities that lack the last half kick.

    Args:
        normal: standard normal numbers.
    """
    V = state.V + 0.5 * bath.timestep * bath.acceleration * state.F
    R = state.R + 0.5 * bath.timestep * V
    V = bath.keep * V + bath.noise * normal
    return R + 0.5 * bath.timestep * V, V


def kicked(
    V: Float[Array, "*replicas beads 3"], F: Float[Array, "*replicas beads 3"], bath: Bath
) -> Float[Array, "*replicas beads 3"]:
    """Velocities after half a kick: the part of a step after its forces.

    Half a kick beyond a whole step they are velocities in the middle of BAO-A, whose kinetic energy is exact in a
    harmonic well; that of whole steps is too small by (ω dt)²/4.
    """
    return V + 0.5 * bath.timestep * bath.acceleration * F


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
    bath = heat_bath(masses, thermal_energy(temperature), timestep, damping)

    def step(state: State, key: PRNGKeyArray) -> tuple[State, None]:
        R, V = kick_and_drift(state, bath, jax.random.normal(key, state.V.shape, state.V.dtype))
        F = forces(R)
        return State(R, kicked(V, F, bath), F), None

    def block(state: State, key: PRNGKeyArray) -> tuple[State, tuple[Array, Array]]:
        state, _ = jax.lax.scan(step, state, jax.random.split(key, every))
        twice_kinetic = jnp.sum(state.V**2 / bath.acceleration)
        return state, (state.R, twice_kinetic / (state.R.size * thermal_energy(1.0)))

    last, (R, kinetic) = jax.lax.scan(block, state, jax.random.split(key, frames))
    return last, R, kinetic
