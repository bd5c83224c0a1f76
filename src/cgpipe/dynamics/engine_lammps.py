"""Replicas one by one in LAMMPS in this process, under the exported program: ``simulate.engine: lammps``."""

from functools import partial
from pathlib import Path

from cgpipe.dynamics.ends import BondWatch, Outcome, SpreadWatch
from cgpipe.dynamics.engines import Engine, Molecule, Replica, one_by_one
from cgpipe.dynamics.lammps.run import run_chain
from cgpipe.errors import UserError


def _run(molecule: Molecule, replica: Replica, folder: Path, bonds: BondWatch) -> Outcome:
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


ENGINE = Engine(partial(one_by_one, _run), together=False)
