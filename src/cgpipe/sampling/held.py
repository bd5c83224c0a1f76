"""All-atom dynamics with the Cα atoms held where they are: samples of the force on the beads at fixed beads.

Held atoms have no mass, so the integrator leaves them alone, to the last bit. A rigid bond cannot end in one: Cα–Hα are
bonds of the force field here, and their length is sampled with the rest. Forces are taken at random intervals, because
regular ones keep step with the stretching of C=O, whose period is five time steps.

Barriers that 20 ps do not cross are what remains: every run but the first begins with a stretch at 600 K, and copies at
higher temperatures may exchange their states with the one that is sampled (replica exchange, Sugita, Okamoto, Chem.
Phys. Lett. 314, 141, 1999), with Metropolis' criterion on the potential energies.
"""

import hashlib
from typing import NamedTuple

import numpy as np
import openmm
from jaxtyping import Float64, Int64
from openmm import app, unit

from cgpipe.config.sampling import Solvent
from cgpipe.errors import UserError
from cgpipe.sampling.dynamics import FORCE_UNIT, LARGEST_SEED, UNFOLDING_TEMPERATURE
from cgpipe.sampling.start import Start
from cgpipe.sampling.system import CONSTRAINT_TOLERANCE, force_field, make_integrator, make_system
from cgpipe.units import FS_PER_PS, KB

ROUND = 0.5
"""Time between attempts to exchange [ps]."""

DISCARDED = 4
"""Rounds at the beginning of a run, at 600 K and after, whose samples do not count."""

INTERVAL = (0.04, 0.08)
"""Shortest and longest time between samples [ps]."""

BLOCKS = 10
"""Parts of a run whose means tell the error of the whole."""


class Held(NamedTuple):
    """How the beads' surroundings are sampled.

    ``temperatures`` [K]: the first one counts, copies at the others exchange with it. ``rounds`` of ``ROUND`` ps each,
    besides those that are discarded; ``timestep`` [fs]; ``identity`` is what seeds are made from.
    """

    identity: str
    temperatures: tuple[float, ...]
    timestep: float
    rounds: int

    def seed(self, use: str, configuration: int, run: int) -> int:
        """A seed for OpenMM (0 would mean a random one)."""
        digest = hashlib.sha256(f"{self.identity}/{use}/{configuration}/{run}".encode()).digest()
        return 1 + int.from_bytes(digest[:8], "big") % LARGEST_SEED


class Sampled(NamedTuple):
    """One run at one configuration.

    Attributes:
        blocks: mean forces of each part of the run, by map [kcal/mol/Å].
        variance: of single samples of the first map [(kcal/mol/Å)²].
        samples: how many.
        exchanged: share of the attempts that exchanged; NaN without copies.
    """

    blocks: Float64[np.ndarray, "blocks maps beads 3"]
    variance: Float64[np.ndarray, "beads 3"]
    samples: int
    exchanged: float


class State(NamedTuple):
    """Positions [nm] and velocities [nm/ps] of all atoms, and their potential energy [kcal/mol]."""

    positions: Float64[np.ndarray, "atoms 3"]
    velocities: Float64[np.ndarray, "atoms 3"]
    energy: float


def exchange(states: list[State], lower: int, temperatures: tuple[float, ...], random: np.random.Generator) -> bool:
    """Try to exchange the states at neighbouring temperatures [K], ``lower`` and the next; whether it was done.

    What is accepted leaves the canonical distribution of both as it was; velocities are scaled with the temperature.
    """
    cold, hot = temperatures[lower], temperatures[lower + 1]
    colder, hotter = states[lower], states[lower + 1]
    chance = (1.0 / (KB * cold) - 1.0 / (KB * hot)) * (colder.energy - hotter.energy)
    if np.log(1.0 - random.random()) >= chance:
        return False
    states[lower] = hotter._replace(velocities=hotter.velocities * np.sqrt(cold / hot))
    states[lower + 1] = colder._replace(velocities=colder.velocities * np.sqrt(hot / cold))
    return True


def held_system(topology: app.Topology, solvent: Solvent = "obc2") -> openmm.System:
    """The system of ``make_system`` with massless Cα atoms and flexible Cα–Hα bonds.

    Its centre of mass is not kept at rest: what is held defines the frame.
    """
    system = make_system(topology, solvent)
    alpha = set(alpha_atoms(topology).tolist())
    for index in alpha:
        system.setParticleMass(index, 0.0)
    for index in reversed(range(system.getNumConstraints())):
        if alpha & set(system.getConstraintParameters(index)[:2]):
            system.removeConstraint(index)
    for index in reversed(range(system.getNumForces())):
        if isinstance(system.getForce(index), openmm.CMMotionRemover):
            system.removeForce(index)
    bonds = _harmonic_bonds(system)
    flexible = force_field(solvent).createSystem(topology, constraints=None)  # named, because its forces die with it
    every = _harmonic_bonds(flexible)
    known = {frozenset(bonds.getBondParameters(i)[:2]) for i in range(bonds.getNumBonds())}
    for index in range(every.getNumBonds()):
        first, second, *parameters = every.getBondParameters(index)
        if alpha & {first, second} and frozenset((first, second)) not in known:
            bonds.addBond(first, second, *parameters)
    return system


def alpha_atoms(topology: app.Topology) -> Int64[np.ndarray, " beads"]:
    """Indices of the Cα atoms, in the order of the chain."""
    return np.array([atom.index for atom in topology.atoms() if atom.name == "CA"], np.int64)


def plain_maps(topology: app.Topology) -> Float64[np.ndarray, "2 beads atoms"]:
    """The uniform map (the force on Cα and its hydrogens) and the slice map (on Cα alone)."""
    alpha = alpha_atoms(topology)
    bead = {index: row for row, index in enumerate(alpha.tolist())}
    slice_map = np.zeros((len(alpha), topology.getNumAtoms()))
    slice_map[np.arange(len(alpha)), alpha] = 1.0
    uniform = slice_map.copy()
    for one, other in topology.bonds():
        for inner, outer in ((one, other), (other, one)):
            if inner.index in bead and outer.element.symbol == "H":
                uniform[bead[inner.index], outer.index] = 1.0
    return np.stack([uniform, slice_map])


class HeldDynamics:
    """Samples one configuration after the other."""

    def __init__(
        self, start: Start, plan: Held, maps: Float64[np.ndarray, "maps beads atoms"], platform: openmm.Platform
    ) -> None:
        self._plan = plan
        self._maps = maps
        self._system = held_system(start.topology, start.solvent)
        self._integrator = make_integrator(plan.temperatures[0], plan.timestep)
        self._context = openmm.Context(self._system, self._integrator, platform)
        self._steps = round(ROUND * FS_PER_PS / plan.timestep)

    def run(self, R: Float64[np.ndarray, "atoms 3"], configuration: int, run: int) -> Sampled:
        """Sample everything but the Cα atoms, from all-atom positions R [Å].

        Args:
            configuration: its number, for the seeds.
            run: from 0; those after the first begin at 600 K.

        Raises:
            UserError: the integration became unstable.
        """
        plan = self._plan
        random = np.random.default_rng(plan.seed("intervals", configuration, run))
        self._integrator.setRandomNumberSeed(plan.seed("noise", configuration, run))
        self._context.reinitialize()  # takes the seed
        try:
            states = self._begin(R, configuration, run)
            for _ in range(DISCARDED):
                states = [self._advance(state, T) for state, T in zip(states, plan.temperatures, strict=True)]
            forces: list[np.ndarray] = []
            attempts = exchanges = 0
            for number in range(plan.rounds):
                states[0] = self._advance(states[0], plan.temperatures[0], forces, random)
                states[1:] = [self._advance(s, T) for s, T in zip(states[1:], plan.temperatures[1:], strict=True)]
                for lower in range(number % 2, len(states) - 1, 2):
                    attempts += 1
                    exchanges += exchange(states, lower, plan.temperatures, random)
        except openmm.OpenMMException as error:
            raise UserError(
                f"{plan.identity}, configuration {configuration}: unstable: {error}; take a shorter timestep"
            ) from None
        found = np.array(forces)
        if not np.isfinite(found).all():
            raise UserError(
                f"{plan.identity}, configuration {configuration}: a force is not finite; take a shorter timestep"
            )
        blocks = np.array([part.mean(axis=0) for part in np.array_split(found, BLOCKS)])
        share = exchanges / attempts if attempts else float("nan")
        return Sampled(blocks, found[:, 0].var(axis=0, ddof=1), len(found), share)

    def _begin(self, R: Float64[np.ndarray, "atoms 3"], configuration: int, run: int) -> list[State]:
        """The same positions at every temperature, with velocities of their own."""
        plan = self._plan
        self._integrator.setStepSize(plan.timestep / FS_PER_PS)  # velocities that are drawn depend on it
        self._context.setPositions(R / 10.0)
        self._context.applyConstraints(CONSTRAINT_TOLERANCE)
        states = []
        for number, temperature in enumerate(plan.temperatures):
            hot = max(temperature, UNFOLDING_TEMPERATURE) if run else temperature
            self._context.setVelocitiesToTemperature(hot, plan.seed(f"velocities {number}", configuration, run))
            states.append(self._state())
        if run:
            for _ in range(DISCARDED):
                states = [self._advance(state, UNFOLDING_TEMPERATURE) for state in states]
        return states

    def _advance(
        self,
        state: State,
        temperature: float,
        forces: list[np.ndarray] | None = None,
        random: np.random.Generator | None = None,
    ) -> State:
        """One round at a temperature [K], with half the time step above the first one. Samples go to ``forces``."""
        halves = 2 if temperature > self._plan.temperatures[0] else 1
        self._integrator.setTemperature(temperature)
        self._integrator.setStepSize(self._plan.timestep / halves / FS_PER_PS)
        self._context.setPositions(state.positions)
        self._context.setVelocities(state.velocities)
        left = self._steps * halves
        if forces is not None and random is not None:
            shortest, longest = (max(1, round(time * FS_PER_PS / self._plan.timestep)) for time in INTERVAL)
            while (steps := int(random.integers(shortest, longest + 1))) <= left:
                self._integrator.step(steps)
                left -= steps
                found = self._context.getState(getForces=True).getForces(asNumpy=True).value_in_unit(FORCE_UNIT)
                forces.append(self._maps @ found)
        self._integrator.step(left)
        return self._state()

    def _state(self) -> State:
        now = self._context.getState(getPositions=True, getVelocities=True, getEnergy=True)
        return State(
            np.array(now.getPositions(asNumpy=True).value_in_unit(unit.nanometer)),
            np.array(now.getVelocities(asNumpy=True).value_in_unit(unit.nanometer / unit.picosecond)),
            float(now.getPotentialEnergy().value_in_unit(unit.kilocalorie_per_mole)),
        )


def _harmonic_bonds(system: openmm.System) -> openmm.HarmonicBondForce:
    return next(force for force in system.getForces() if isinstance(force, openmm.HarmonicBondForce))
