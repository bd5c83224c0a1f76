"""The programs that can run replicas, by their name in ``simulate.engine``."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float64

from cgpipe import __version__
from cgpipe.config.models import Simulate
from cgpipe.data.projection import Projection
from cgpipe.data.topology import Topology
from cgpipe.deploy.program import Program
from cgpipe.dynamics.ends import BondWatch, Outcome, SpreadWatch
from cgpipe.dynamics.field import force_field
from cgpipe.dynamics.lammps.run import run_chain
from cgpipe.dynamics.lammps.run_native import run_chain_native
from cgpipe.dynamics.parts import Parts
from cgpipe.dynamics.plans import Plan, bond_watch, chain_topology
from cgpipe.dynamics.run import run_replicas
from cgpipe.errors import UserError
from cgpipe.model.serialise import load_model


@dataclass(frozen=True)
class Molecule:
    """What all replicas share: exported model, reference frames, and settings."""

    program: Program
    reference: Projection
    simulate: Simulate

    @property
    def topology(self) -> Topology:
        """Of one replica."""
        return chain_topology(self.reference, self.program.vocabulary)


@dataclass(frozen=True)
class Replica:
    """One run: its number, its plan, its first positions [Å], and the folder that its results will be in."""

    number: int
    plan: Plan
    R: Float64[np.ndarray, "beads 3"]
    out: Path


@dataclass(frozen=True)
class Engine:
    """One way of running replicas.

    Attributes:
        run: writes the files of replicas into folders.
        together: whether it wants all replicas at once.
    """

    run: Callable[[Molecule, Sequence[Replica], Sequence[Path]], list[Outcome]]
    together: bool


Run = Callable[[Molecule, Replica, Path, BondWatch], Outcome]
"""Runs one replica in a folder."""


def checkpoint_of(replicas: Sequence[Replica]) -> Path:
    """The folder for what a killed run of these replicas is continued from."""
    return replicas[0].out / "checkpoint"


def _one_by_one(run: Run, molecule: Molecule, replicas: Sequence[Replica], folders: Sequence[Path]) -> list[Outcome]:
    """One replica after the other, each with a watch of its own."""
    return [
        run(molecule, replica, folder, bond_watch(molecule.reference, molecule.simulate.bond_tolerance))
        for replica, folder in zip(replicas, folders, strict=True)
    ]


def _in_lammps(molecule: Molecule, replica: Replica, folder: Path, bonds: BondWatch) -> Outcome:
    """In LAMMPS, under the exported program."""
    topology, names, simulate = molecule.topology, molecule.program.vocabulary, molecule.simulate
    spread = None
    if simulate.spread_limit:
        if molecule.program.metadata["members"] < 2:
            raise UserError(f"{molecule.program.path}: simulate.spread_limit needs an ensemble, this is one model")
        beads = [names.types[species] for species in topology.species]
        spread = SpreadWatch(simulate.spread_limit, simulate.on_spread == "stop", replica.plan.save_every, beads)
    program = molecule.program.bind(topology)
    return run_chain(folder, replica.plan, replica.R, topology, names, program, bonds, spread)


def _in_native(molecule: Molecule, replica: Replica, folder: Path, bonds: BondWatch) -> Outcome:
    """In plain LAMMPS, the exported program in a pair style."""
    program = molecule.program
    return run_chain_native(folder, replica.plan, replica.R, molecule.topology, program.vocabulary, program.path, bonds)


def _in_jax(molecule: Molecule, replicas: Sequence[Replica], folders: Sequence[Path]) -> list[Outcome]:
    """All at once in JAX, under the model that the program was exported from."""
    metadata, topology = molecule.program.metadata, molecule.topology
    if metadata["members"] > 1:
        raise UserError(f"{molecule.program.path}: simulate.engine jax runs single models; use lammps or native")
    potential, _ = load_model(molecule.program.path.with_name("model.eqx"))
    plans = [replica.plan for replica in replicas]
    R = np.stack([replica.R for replica in replicas])
    identity = {
        "cgpipe": __version__,
        "jax": jax.__version__,
        "model": metadata["sha256"]["model.eqx"],
        "plans": [asdict(plan) for plan in plans],
        "positions": hashlib.sha256(R.tobytes()).hexdigest(),
    }
    return run_replicas(
        folders,
        plans,
        R,
        force_field(potential, topology),
        potential.neighbour_slots,
        np.array(molecule.program.vocabulary.masses)[np.asarray(topology.species)],
        bond_watch(molecule.reference, molecule.simulate.bond_tolerance),
        Parts(checkpoint_of(replicas), json.dumps(identity, sort_keys=True)),
    )


ENGINES = {
    "lammps": Engine(partial(_one_by_one, _in_lammps), together=False),
    "native": Engine(partial(_one_by_one, _in_native), together=False),
    "jax": Engine(_in_jax, together=True),
}
