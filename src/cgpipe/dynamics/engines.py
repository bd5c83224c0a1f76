"""The programs that can run replicas, by their name in ``simulate.engine``: each has a module with its ``ENGINE``.

They are imported by that name, so that a simulation depends on the sources of the engine in use and of no other.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from cgpipe.config.decisive import engine_module
from cgpipe.config.models import Simulate
from cgpipe.data.projection import Projection
from cgpipe.data.topology import Topology
from cgpipe.deploy.program import Program
from cgpipe.dynamics.ends import BondWatch, Outcome
from cgpipe.dynamics.plans import Plan, bond_watch, chain_topology


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


def one_by_one(run: Run, molecule: Molecule, replicas: Sequence[Replica], folders: Sequence[Path]) -> list[Outcome]:
    """One replica after the other, each with a watch of its own."""
    return [
        run(molecule, replica, folder, bond_watch(molecule.reference, molecule.simulate.bond_tolerance))
        for replica, folder in zip(replicas, folders, strict=True)
    ]


def engine_of(name: str) -> Engine:
    """The engine of this name."""
    engine: Engine = importlib.import_module(f"cgpipe.{engine_module(name)}").ENGINE
    return engine
