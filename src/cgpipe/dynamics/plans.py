"""What a replica is, whatever runs it: where it begins, for how long, with which seeds, and which bonds hold it."""

import hashlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int32, Int64

from cgpipe.config.models import Simulate
from cgpipe.data.projection import Projection
from cgpipe.data.species import Vocabulary
from cgpipe.data.topology import Topology
from cgpipe.dynamics.ends import BondWatch
from cgpipe.errors import UserError
from cgpipe.physics.peptide_bonds import mean_lengths
from cgpipe.units import FS_PER_PS

LAMMPS_SEEDS = 900_000_000
"""LAMMPS's random generators take seeds below this."""

TABLE = ("step", "picoseconds", "temperature", "kinetic", "potential", "total", "radius_of_gyration")
"""Columns of ``thermo.csv``: energies in kcal/mol, the temperature in K, the radius in Å."""


@dataclass(frozen=True)
class Plan:
    """One Langevin run.

    Attributes:
        title: what it is, for the first line of the file.
        temperature: of the thermostat and the first velocities [K].
        timestep: [fs].
        steps: MD steps.
        save_every: MD steps between saved frames.
        damping: relaxation time of the thermostat [ps].
        velocity_seed, noise_seed: 1 … LAMMPS_SEEDS − 1.
    """

    title: str
    temperature: float
    timestep: float
    steps: int
    save_every: int
    damping: float
    velocity_seed: int
    noise_seed: int


def chain_topology(projection: Projection, names: Vocabulary) -> Topology:
    """Topology of a projected protein, without padding."""
    species = np.array([names.species(residue) for residue in projection.residue_name], np.int32)
    return Topology(species, projection.chain, projection.residue, np.ones(len(species), bool))


def spread_rows(replicas: int, frames: int) -> Int64[np.ndarray, " replicas"]:
    """Rows of the reference frames that replicas begin from, spread over all of them."""
    return (2 * np.arange(replicas) + 1) * frames // (2 * replicas)


def bond_watch(reference: Projection, tolerance: float) -> BondWatch:
    """Watch every bond of a projected protein against its mean length over the frames."""
    return watch_bonds(reference.R, reference.chain, reference.residue, tolerance)


def watch_bonds(
    R: Float[np.ndarray, "frames beads 3"],
    chain: Int32[np.ndarray, " beads"],
    residue: Int32[np.ndarray, " beads"],
    tolerance: float,
) -> BondWatch:
    """Watch every bond against its mean length over frames, cis and trans apart [Å]; the tolerance in Å as well."""
    bonded = (np.diff(chain) == 0) & (np.diff(residue) == 1)
    lengths = np.linalg.norm(np.diff(R.astype(np.float64), axis=1), axis=-1)
    return BondWatch(bonded, mean_lengths(lengths[:, bonded]), tolerance)


def make_plan(simulate: Simulate, protein: str, member: str, replica: int, temperature: float) -> Plan:
    """Steps and seeds of one replica; the seeds depend on all that tells it from others."""
    steps = round(simulate.picoseconds * FS_PER_PS / simulate.timestep)
    every = max(1, round(simulate.save_every * FS_PER_PS / simulate.timestep))
    if steps < every:
        raise UserError(f"simulate.picoseconds {simulate.picoseconds} is shorter than save_every {simulate.save_every}")
    seeds = seeds_of(f"{simulate.seed}/{protein}/{member}/{replica}")
    title = f"{protein}, member {member}, replica {replica}: coarse-grained Langevin dynamics"
    return Plan(title, temperature, simulate.timestep, steps, every, simulate.damping, *seeds)


def seeds_of(identity: str) -> tuple[int, int]:
    """Seeds of the velocities and of the noise of a run; they depend on all that tells it from others."""
    velocity, noise = (1 + _hash(f"{identity}/{use}") % (LAMMPS_SEEDS - 1) for use in ("velocities", "noise"))
    return velocity, noise


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
