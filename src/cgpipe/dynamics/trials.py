"""Runs that are looked at and forgotten: replicas of a molecule under a few conditions, sampled in memory.

All conditions have the same number of replicas and share one compiled program, because temperature, time step and
damping are its arguments. Beside positions and energies every sample has what two temperatures are made of:

- kinetic, ⟨½ m v²⟩ = ½ kT for every degree of freedom, of the velocities half a kick after a step, which is exact in
  a harmonic well at any stable step;
- configurational, ⟨|∇U|²⟩ = kT ⟨∇²U⟩ (Rugh, Phys. Rev. Lett. 78, 772, 1997), which the positions alone decide. The
  Laplacian is estimated as z·(F(R − h z) − F(R + h z)) / 2h with random signs z (Hutchinson, Commun. Stat. Simul.
  Comput. 19, 433, 1990).
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec
from jaxtyping import Array, Bool, Float32, Float64, Int64

from cgpipe.dynamics.batch import AXIS, Dynamics, Replicas
from cgpipe.dynamics.ends import BondWatch
from cgpipe.dynamics.field import ForceField
from cgpipe.dynamics.guard import death_of
from cgpipe.dynamics.plans import Plan, seeds_of
from cgpipe.units import FORCE_TO_ACCELERATION, FS_PER_PS

PROBE = 0.01
"""h, the displacement of every coordinate in the estimate of the Laplacian [Å]."""


class Condition(NamedTuple):
    """What all replicas of a run share: its name, temperature [K], time step [fs] and damping [ps]."""

    name: str
    temperature: float
    timestep: float
    damping: float

    def plans(self, replicas: int) -> list[Plan]:
        """One plan per replica."""
        return [Plan(*self[:3], 0, 1, self.damping, *seeds_of(f"{self.name}/{n}")) for n in range(replicas)]


@dataclass(frozen=True)
class Trial:
    """A run of several replicas under one condition; of a dead one, samples repeat its last state.

    Attributes:
        condition: under which it ran.
        time: of the samples [ps].
        R: positions [Å].
        total: potential and kinetic energy, velocities of whole steps [kcal/mol].
        kinetic: energy of every bead, velocities half a kick later [kcal/mol].
        squared_force: |∇U|² [kcal²/mol²/Å²].
        laplacian: estimate of ∇²U [kcal/mol/Å²]; empty where it was not asked for.
        alive: at the time of the sample.
        ends: when each replica ended, dead or alive [ps]; 0 if it came dead.
        reasons: of the deaths; None for those that live.
        now: the last state.
    """

    condition: Condition
    time: Float64[np.ndarray, " samples"]
    R: Float32[np.ndarray, "samples replicas beads 3"]
    total: Float64[np.ndarray, "samples replicas"]
    kinetic: Float64[np.ndarray, "samples replicas beads"]
    squared_force: Float64[np.ndarray, "samples replicas"]
    laplacian: Float64[np.ndarray, "probed replicas"]
    alive: Bool[np.ndarray, "samples replicas"]
    ends: Float64[np.ndarray, " replicas"]
    reasons: tuple[str | None, ...]
    now: Replicas

    @property
    def survived(self) -> Bool[np.ndarray, " replicas"]:
        """Which replicas live."""
        return np.array([reason is None for reason in self.reasons])


class Trials:
    """One molecule, compiled for so many replicas."""

    def __init__(
        self,
        field: ForceField,
        slots: int,
        masses: Float64[np.ndarray, " beads"],
        bonds: BondWatch,
        replicas: int,
        devices: int | None = None,
    ):
        """Prepare; compilation happens at the first calls.

        Args:
            field: energies and forces of all replicas.
            slots: neighbour slots per bead that it has.
            masses: of the beads [g/mol].
            bonds: means and tolerance of the bonds.
            replicas: how many run at once.
            devices: at most so many of JAX's devices share them.
        """
        self._slots, self._masses, self._bonds, self._replicas = slots, masses, bonds, replicas
        none = Condition("", 0.0, 1.0, 1.0).plans(replicas)
        self._dynamics = Dynamics(field, slots, none, masses, bonds, devices)

        def probe(
            R: Float64[Array, "replicas beads 3"], seed: Int64[Array, " replicas"]
        ) -> Float64[Array, " replicas"]:
            keys = jax.vmap(jax.random.key)(seed)
            signs = jax.vmap(lambda key: jax.random.rademacher(key, R.shape[1:], R.dtype))(keys)
            # one instance of the network in the program instead of two
            behind, ahead = jax.lax.map(lambda side: field(R + side * PROBE * signs).forces, jnp.array([-1.0, 1.0]))
            return jnp.sum(signs * (behind - ahead).astype(R.dtype), axis=(1, 2)) / (2 * PROBE)

        mine = PartitionSpec(AXIS)
        shared = jax.shard_map(probe, mesh=self._dynamics.mesh, in_specs=(mine, mine), out_specs=mine, check_vma=False)
        self._probe = jax.jit(shared)

    def start(self, R: Float64[np.ndarray, "replicas beads 3"], condition: Condition) -> Replicas:
        """Minimised structures [Å] with velocities at the condition's temperature."""
        return self._dynamics.under(condition.plans(self._replicas)).start(R)

    def run(
        self, begin: Replicas, condition: Condition, picoseconds: float, interval: float, probed: bool = False
    ) -> Trial:
        """Run on from a state.

        Args:
            begin: the state; who is dead in it stays so.
            condition: temperature, time step and damping.
            picoseconds: how long [ps].
            interval: between samples [fs], at least one step; the first is one interval after the beginning.
            probed: whether to estimate the Laplacian at every sample.
        """
        dynamics = self._dynamics.under(condition.plans(self._replicas))
        every = max(1, round(interval / condition.timestep))
        samples = max(1, round(picoseconds * FS_PER_PS / (every * condition.timestep)))
        now, states, laplacian = begin, [], []
        for sample in range(samples):
            now = dynamics.advance(now, sample * every, every)
            states.append(now)
            if probed:
                laplacian.append(self._laplacian(now, sample))
        step = condition.timestep / FS_PER_PS
        ends = np.where(begin.fate.alive, now.fate.step * step, 0.0)
        deaths = [death_of(now.fate, replica, self._bonds, self._slots) for replica in range(self._replicas)]
        F, V = (np.array([getattr(state.motion, name) for state in states]) for name in ("F", "V"))
        kick = 0.5 * condition.timestep * FORCE_TO_ACCELERATION * F / self._masses[:, None]
        return Trial(
            condition,
            time=every * step * np.arange(1, samples + 1),
            R=np.array([state.motion.R for state in states], np.float32),
            total=np.array([state.energy for state in states]) + self._kinetic(V).sum(axis=-1),
            kinetic=self._kinetic(V + kick),
            squared_force=np.sum(F**2, axis=(2, 3)),
            laplacian=np.array(laplacian).reshape(-1, self._replicas),
            alive=np.array([state.fate.alive for state in states]),
            ends=ends,
            reasons=tuple(None if death is None else death.reason for death in deaths),
            now=now,
        )

    def _laplacian(self, now: Replicas, sample: int) -> Float64[np.ndarray, " replicas"]:
        seeds = np.arange(self._replicas, dtype=np.int64) + sample * self._replicas
        with jax.enable_x64(True):
            return jax.device_get(self._probe(now.motion.R, seeds))

    def _kinetic(
        self, V: Float64[np.ndarray, "samples replicas beads 3"]
    ) -> Float64[np.ndarray, "samples replicas beads"]:
        return 0.5 * self._masses * np.sum(V**2, axis=-1) / FORCE_TO_ACCELERATION
