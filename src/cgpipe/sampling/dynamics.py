"""Langevin dynamics in short blocks, each of which depends only on the positions and velocities before it.

A block starts from stored positions and velocities and draws its noise from a seed of its own. So a run that was cut
off and goes on from its last block is the same, bit for bit on the same machine, as one that was not.
"""

import hashlib
from typing import NamedTuple

import numpy as np
import openmm
from jaxtyping import Float32, Float64
from openmm import unit

from cgpipe.errors import UserError
from cgpipe.sampling.start import Start
from cgpipe.sampling.system import make_integrator, make_system
from cgpipe.units import FS_PER_PS, KB

BLOCK = 10
"""Saved frames per block: what a killed run repeats at most."""

UNFOLDING_TEMPERATURE = 600.0
"""[K]; small proteins lose their fold within tens of picoseconds."""

LARGEST_SEED = 2**31 - 1
FORCE_UNIT = unit.kilocalorie_per_mole / unit.angstrom


class Plan(NamedTuple):
    """One replica, in units of the interval between saved frames.

    ``steps`` of ``timestep`` [fs] make one interval; ``unfolding`` intervals at 600 K come first, then
    ``equilibration`` ones at ``temperature`` [K], then the ``frames``. ``identity`` is what the seeds are made from.
    """

    identity: str
    temperature: float
    timestep: float
    steps: int
    unfolding: int
    equilibration: int
    frames: int

    @property
    def intervals(self) -> int:
        """Length of the whole replica."""
        return self.unfolding + self.equilibration + self.frames

    def block(self, interval: int) -> "Block":
        """The block that begins at an interval; it ends within the same part of the replica."""
        borders = (self.unfolding, self.unfolding + self.equilibration, self.intervals)
        part = next(i for i, border in enumerate(borders) if interval < border)
        starts = interval == (0, *borders)[part]
        return Block(
            stop=min(interval + BLOCK, borders[part]),
            temperature=UNFOLDING_TEMPERATURE if part == 0 else self.temperature,
            halved=part == 0,
            draw_velocities=starts and (part < 2 or self.equilibration == 0),
            saved=part == 2,
        )

    def seed(self, use: str, interval: int) -> int:
        """A seed for OpenMM (0 would mean a random one)."""
        digest = hashlib.sha256(f"{self.identity}/{use}/{interval}".encode()).digest()
        return 1 + int.from_bytes(digest[:8], "big") % LARGEST_SEED


class Block(NamedTuple):
    """What is done from one interval to ``stop``.

    ``halved``: with half the time step and twice the steps, as hot atoms need.
    """

    stop: int
    temperature: float
    halved: bool
    draw_velocities: bool
    saved: bool


class State(NamedTuple):
    """Where a replica is: intervals done, positions [nm] and velocities [nm/ps] in full precision.

    ``temperatures`` is the sum of the kinetic temperatures of the saved frames [K].
    """

    interval: int
    positions: Float64[np.ndarray, "atoms 3"]
    velocities: Float64[np.ndarray, "atoms 3"]
    temperatures: float


class Frames(NamedTuple):
    """Positions [Å], forces −dU/dx [kcal/mol/Å] and potential energies [kcal/mol] of the same steps."""

    R: Float32[np.ndarray, "frames atoms 3"]
    F: Float32[np.ndarray, "frames atoms 3"]
    U: Float32[np.ndarray, " frames"]


class Dynamics:
    """A replica that can be moved from one block to the next."""

    def __init__(self, start: Start, plan: Plan, platform: openmm.Platform) -> None:
        self._plan = plan
        self._system = make_system(start.topology, start.solvent)
        self._integrator = make_integrator(plan.temperature, plan.timestep)
        self._context = openmm.Context(self._system, self._integrator, platform)
        moving = 3 * self._system.getNumParticles() - self._system.getNumConstraints() - 3  # the centre of mass rests
        self._per_energy = 2.0 / (moving * KB)
        self.first = State(0, start.positions / 10.0, np.zeros_like(start.positions), 0.0)

    def advance(self, state: State) -> tuple[State, Frames]:
        """Run the block that begins at ``state``.

        Returns:
            The state at its end, and its frames (none while unfolding and equilibrating).

        Raises:
            UserError: the integration became unstable.
        """
        block = self._plan.block(state.interval)
        self._begin(state, block)
        R: list[np.ndarray] = []
        F: list[np.ndarray] = []
        U: list[float] = []
        temperatures = state.temperatures
        try:
            for _ in range(state.interval, block.stop):
                self._integrator.step(self._plan.steps * (2 if block.halved else 1))
                if block.saved:
                    now = self._context.getState(getPositions=True, getForces=True, getEnergy=True)
                    R.append(now.getPositions(asNumpy=True).value_in_unit(unit.angstrom))
                    F.append(now.getForces(asNumpy=True).value_in_unit(FORCE_UNIT))
                    U.append(now.getPotentialEnergy().value_in_unit(unit.kilocalorie_per_mole))
                    temperatures += now.getKineticEnergy().value_in_unit(unit.kilocalorie_per_mole) * self._per_energy
        except openmm.OpenMMException as error:
            raise UserError(f"{self._plan.identity}: unstable: {error}; take a shorter timestep") from None
        atoms = self._system.getNumParticles()
        vectors = [np.array(rows, np.float32).reshape(-1, atoms, 3) for rows in (R, F)]
        frames = Frames(R=vectors[0], F=vectors[1], U=np.array(U, np.float32))
        if not all(np.isfinite(values).all() for values in frames):
            raise UserError(
                f"{self._plan.identity}: positions, forces or energies are not finite; take a shorter timestep"
            )
        return self._end(block, temperatures), frames

    def _begin(self, state: State, block: Block) -> None:
        plan = self._plan
        self._integrator.setTemperature(block.temperature)
        self._integrator.setStepSize(plan.timestep / (2 if block.halved else 1) / FS_PER_PS)
        self._integrator.setRandomNumberSeed(plan.seed("noise", state.interval))
        self._context.reinitialize()  # takes the seed
        self._context.setPositions(state.positions)
        if block.draw_velocities:
            self._context.setVelocitiesToTemperature(block.temperature, plan.seed("velocities", state.interval))
        else:
            self._context.setVelocities(state.velocities)

    def _end(self, block: Block, temperatures: float) -> State:
        now = self._context.getState(getPositions=True, getVelocities=True)
        positions = now.getPositions(asNumpy=True).value_in_unit(unit.nanometer)
        velocities = now.getVelocities(asNumpy=True).value_in_unit(unit.nanometer / unit.picosecond)
        return State(block.stop, np.array(positions), np.array(velocities), temperatures)
