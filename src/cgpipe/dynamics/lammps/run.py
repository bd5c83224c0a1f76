"""One Langevin run of a chain in LAMMPS under the forces of an exported program."""

import contextlib
import time
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cgpipe.data.species import Vocabulary
from cgpipe.data.topology import Topology
from cgpipe.dynamics.ends import BondWatch, Death, Outcome, SpreadWatch
from cgpipe.dynamics.lammps.driver import FIX, Driver, ForceField
from cgpipe.dynamics.lammps.input import commands, input_text
from cgpipe.dynamics.lammps.library import open_lammps
from cgpipe.dynamics.lammps.system import write_data
from cgpipe.dynamics.plans import Plan


def run_chain(
    folder: Path,
    plan: Plan,
    R: Float[np.ndarray, "beads 3"],
    topology: Topology,
    names: Vocabulary,
    force_field: ForceField,
    bonds: BondWatch,
    spread: SpreadWatch | None = None,
) -> Outcome:
    """Write ``system.data`` and ``in.lammps`` into a folder and run them there; LAMMPS adds its files.

    Args:
        R: first positions [Å].
        topology: of the chain that ``force_field`` computes.
        names: bead types.
        bonds: decides when a bond is broken.
        spread: decides when an ensemble disagrees; without it nobody looks.

    Raises:
        UserError: LAMMPS cannot be loaded, or runs on several MPI processes.
        Exception: what LAMMPS or the force field complained about, unless it is the molecule's death.
    """
    write_data(folder / "system.data", plan.title, R, topology, names)
    (folder / "in.lammps").write_text(input_text(plan))
    with contextlib.chdir(folder):
        lammps = open_lammps(Path("log.lammps"))
        try:
            return _execute(Driver(lammps, force_field, bonds, spread), plan, topology, names)
        finally:
            lammps.close()


def _execute(driver: Driver, plan: Plan, topology: Topology, names: Vocabulary) -> Outcome:
    """Execute the commands one by one; the program is attached as soon as its fix is defined."""
    death, seconds = None, 0.0
    for line in commands(input_text(plan)):
        verb = line.split()[0]
        if verb == "run":
            driver.bonds.largest = driver.model_seconds = 0.0
            if driver.spread is not None:
                driver.spread.restart()
        start = time.perf_counter()
        try:
            driver.command(line)
        except Death as ended:
            if verb != "minimize":  # what is broken after the minimisation ends the dynamics at step 0
                death = ended
        if verb == "run":
            seconds = time.perf_counter() - start
        if line.startswith("fix") and line.split()[1] == FIX:
            driver.attach(topology, names)
    steps = plan.steps if death is None else death.step
    share, spread = driver.model_seconds / max(seconds, 1e-9), driver.spread
    seen = None if spread is None else (spread.largest, spread.steps)
    return Outcome(death, steps, seconds, share, driver.bonds.largest, seen)
