"""Langevin dynamics of all replicas of a molecule, compiled as one loop that looks after each of them at every step.

BAOAB (``physics.langevin``); positions and velocities in double precision, as in LAMMPS. Every replica has its own
temperature, time step, damping, and streams of random numbers: the noise of step n is a function of its seed and n
alone, so a replica's trajectory depends neither on which others run beside it nor on where a run was interrupted. A
replica that dies stays where it was last whole, and the others go on. Replicas are dealt to all of JAX's devices.
"""

from collections.abc import Sequence
from copy import copy
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float64, Int64

from cgpipe.dynamics.ends import BondWatch
from cgpipe.dynamics.field import ForceField, largest_divisor
from cgpipe.dynamics.guard import Fate, examined, newborn
from cgpipe.dynamics.minimise import chosen, minimised, total_energy
from cgpipe.dynamics.plans import Plan
from cgpipe.physics.langevin import Bath, State, heat_bath, kick_and_drift, kicked
from cgpipe.units import thermal_energy

AXIS = "replicas"


class Replicas(NamedTuple):
    """All replicas at one time; energies in kcal/mol."""

    motion: State
    energy: Float64[Array, " replicas"]
    fate: Fate


class Own(NamedTuple):
    """What each replica has for itself: kT [kcal/mol], time step [fs], damping [ps] and seeds."""

    thermal: Float64[Array | np.ndarray, " replicas"]
    timestep: Float64[Array | np.ndarray, " replicas"]
    damping: Float64[Array | np.ndarray, " replicas"]
    velocity_seed: Int64[Array | np.ndarray, " replicas"]
    noise_seed: Int64[Array | np.ndarray, " replicas"]


def _own(plans: Sequence[Plan]) -> Own:
    return Own(
        np.array([thermal_energy(plan.temperature) for plan in plans]),
        np.array([plan.timestep for plan in plans], np.float64),
        np.array([plan.damping for plan in plans], np.float64),
        np.array([plan.velocity_seed for plan in plans], np.int64),
        np.array([plan.noise_seed for plan in plans], np.int64),
    )


class Dynamics:
    """Compiled dynamics of replicas that share force field and masses."""

    def __init__(
        self,
        field: ForceField,
        slots: int,
        plans: Sequence[Plan],
        masses: Float64[np.ndarray, " beads"],
        bonds: BondWatch,
        devices: int | None = None,
    ):
        """Prepare; compilation happens at the first calls.

        Args:
            field: energies and forces of all replicas.
            slots: neighbour slots per bead that it has.
            plans: one per replica.
            masses: [g/mol].
            bonds: means and tolerance of the bonds.
            devices: at most so many share the replicas; all of JAX's by default.
        """
        self._field, self._slots, self._bonds = field, slots, bonds
        self._masses = masses
        self._own = _own(plans)
        sharing = largest_divisor(len(plans), devices or jax.device_count())
        self.mesh = jax.sharding.Mesh(np.array(jax.devices()[:sharing]), AXIS)
        mine, everyone = PartitionSpec(AXIS), PartitionSpec()
        share = partial(jax.shard_map, mesh=self.mesh, out_specs=mine, check_vma=False)
        self._start = jax.jit(share(self._started, in_specs=(mine, mine)))
        self._advance = jax.jit(share(self._advanced, in_specs=(mine, mine, everyone, everyone)))

    def under(self, plans: Sequence[Plan]) -> "Dynamics":
        """The same compiled programs for as many replicas under other plans."""
        if len(plans) != len(self._own.thermal):
            raise ValueError(f"{len(plans)} plans for programs of {len(self._own.thermal)} replicas")
        other = copy(self)
        other._own = _own(plans)
        return other

    def start(self, R: Float64[np.ndarray, "replicas beads 3"]) -> Replicas:
        """Minimised structures with velocities drawn at each replica's temperature; step 0.

        Args:
            R: positions of every replica [Å].
        """
        with jax.enable_x64(True):
            return jax.device_get(self._start(self._own, R))

    def advance(self, now: Replicas, first: int, steps: int) -> Replicas:
        """So many steps more, from step ``first``."""
        with jax.enable_x64(True):
            return jax.device_get(self._advance(self._own, now, np.int64(first), np.int64(steps)))

    def _bath(self, own: Own) -> Bath:
        thermal, timestep, damping = (jnp.asarray(x)[:, None, None] for x in (own.thermal, own.timestep, own.damping))
        return heat_bath(jnp.asarray(self._masses), thermal, timestep, damping)

    def _started(self, own: Own, R: Float64[Array, "replicas beads 3"]) -> Replicas:
        R, found = minimised(self._field, R, self._slots)
        spread = self._bath(own).spread
        keys = jax.vmap(jax.random.key)(own.velocity_seed)
        V = spread * jax.vmap(lambda key: jax.random.normal(key, R.shape[1:], R.dtype))(keys)
        fate = examined(newborn(len(R)), jnp.int64(0), R, found, self._bonds, self._slots)
        return Replicas(State(R, V, found.forces.astype(R.dtype)), total_energy(found), fate)

    def _advanced(self, own: Own, now: Replicas, first: Int64[Array, ""], steps: Int64[Array, ""]) -> Replicas:
        bath = self._bath(own)
        keys = jax.vmap(jax.random.key)(own.noise_seed)

        def normal(key: Array, step: Array) -> Array:
            return jax.random.normal(jax.random.fold_in(key, step), now.motion.R.shape[1:], jnp.float32)

        def goes_on(carry: tuple[Array, Replicas]) -> Array:
            step, now = carry
            return (step < first + steps) & now.fate.alive.any()

        def one_step(carry: tuple[Array, Replicas]) -> tuple[Array, Replicas]:
            step, old = carry
            noise = jax.vmap(normal, in_axes=(0, None))(keys, step.astype(jnp.uint32)).astype(jnp.float64)
            R, V = kick_and_drift(old.motion, bath, noise)
            found = self._field(R)
            F = found.forces.astype(R.dtype)
            fate = examined(old.fate, step + 1, R, found, self._bonds, self._slots)
            moved = (State(R, kicked(V, F, bath), F), total_energy(found))
            motion, energy = jax.tree.map(lambda *x: chosen(fate.alive, *x), moved, (old.motion, old.energy))
            return step + 1, Replicas(motion, energy, fate)

        return jax.lax.while_loop(goes_on, one_step, (first, now))[1]
