"""Replicas one by one in plain LAMMPS, the exported program in a pair style: ``simulate.engine: native``."""

from functools import partial
from pathlib import Path

from cgpipe.dynamics.ends import BondWatch, Outcome
from cgpipe.dynamics.engines import Engine, Molecule, Replica, one_by_one
from cgpipe.dynamics.lammps.run_native import run_chain_native


def _run(molecule: Molecule, replica: Replica, folder: Path, bonds: BondWatch) -> Outcome:
    """In plain LAMMPS, the exported program in a pair style."""
    program = molecule.program
    return run_chain_native(folder, replica.plan, replica.R, molecule.topology, program.vocabulary, program.path, bonds)


ENGINE = Engine(partial(one_by_one, _run), together=False)
