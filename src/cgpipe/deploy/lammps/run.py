"""One Langevin run of a chain in LAMMPS under the forces of an exported program."""

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cgpipe.data.species import Vocabulary
from cgpipe.data.topology import Topology
from cgpipe.deploy.lammps.driver import FIX, BondWatch, Death, Driver, ForceField
from cgpipe.deploy.lammps.input import Plan, commands
from cgpipe.deploy.lammps.library import open_lammps
from cgpipe.deploy.lammps.system import write_data


@dataclass(frozen=True)
class Outcome:
    """How a run went.

    Attributes:
        death: None when it ran to its end.
        steps: MD steps done.
        seconds: wall time of the dynamics.
        model_share: part of it that was spent in the program; None where dynamics and program are one.
        max_bond_deviation: largest deviation of a bond from its mean in the dynamics [Å].
    """

    death: Death | None
    steps: int
    seconds: float
    model_share: float | None
    max_bond_deviation: float


def run_chain(
    folder: Path,
    plan: Plan,
    R: Float[np.ndarray, "beads 3"],
    topology: Topology,
    names: Vocabulary,
    force_field: ForceField,
    bonds: BondWatch,
) -> Outcome:
    """Write ``system.data`` and ``in.lammps`` into a folder and run them there; LAMMPS adds its files.

    Args:
        R: first positions [Å].
        topology: of the chain that ``force_field`` computes.
        names: bead types.
        bonds: decides when a bond is broken.

    Raises:
        UserError: LAMMPS cannot be loaded, or runs on several MPI processes.
        Exception: what LAMMPS or the force field complained about, unless it is the molecule's death.
    """
    write_data(folder / "system.data", plan.title, R, topology, names)
    (folder / "in.lammps").write_text(plan.text())
    with contextlib.chdir(folder):
        lammps = open_lammps(Path("log.lammps"))
        try:
            return _execute(Driver(lammps, force_field, bonds), plan, topology, names)
        finally:
            lammps.close()


def _execute(driver: Driver, plan: Plan, topology: Topology, names: Vocabulary) -> Outcome:
    """Execute the commands one by one; the program is attached as soon as its fix is defined."""
    death, seconds = None, 0.0
    for line in commands(plan.text()):
        verb = line.split()[0]
        if verb == "run":
            driver.bonds.largest = driver.model_seconds = 0.0
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
    return Outcome(death, steps, seconds, driver.model_seconds / max(seconds, 1e-9), driver.bonds.largest)
