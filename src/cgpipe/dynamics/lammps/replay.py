"""Energy and forces of one structure in each engine, as its dynamics would compute them."""

import contextlib
import re
import subprocess
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cgpipe.data.topology import Topology
from cgpipe.deploy.module import run_module
from cgpipe.deploy.program import Program
from cgpipe.dynamics.ends import BondWatch
from cgpipe.dynamics.lammps.driver import Driver
from cgpipe.dynamics.lammps.input import EXTERNAL, commands, native_force_field
from cgpipe.dynamics.lammps.library import open_lammps
from cgpipe.dynamics.lammps.native import current_plugin, lammps_program, pjrt_library
from cgpipe.dynamics.lammps.system import write_data
from cgpipe.errors import UserError

HEAD = """\
units           real
atom_style      molecular
boundary        s s s
comm_modify     cutoff 4.0
read_data       system.data
"""

Forces = Float[np.ndarray, "beads 3"]


def in_jax(program: Program, R: Float[np.ndarray, "beads 3"], topology: Topology, _folder: Path) -> Forces:
    """Forces [kcal/mol/Å] of the program in this process, without LAMMPS."""
    return program.evaluate(R, topology).forces


def in_pjrt(program: Program, R: Float[np.ndarray, "beads 3"], topology: Topology, _folder: Path) -> Forces:
    """Forces [kcal/mol/Å] of the stored StableHLO module itself, compiled and run by the PJRT client of jaxlib."""
    return run_module(program, R, topology)


def in_lammps(program: Program, R: Float[np.ndarray, "beads 3"], topology: Topology, folder: Path) -> Forces:
    """Forces [kcal/mol/Å] in LAMMPS, the program called back in this process."""
    write_data(folder / "system.data", "replay", R, topology, program.vocabulary)
    watch = BondWatch(np.zeros(len(R) - 1, bool), np.zeros(0), np.inf)
    with contextlib.chdir(folder):
        lammps = open_lammps()
        try:
            driver = Driver(lammps, program.bind(topology), watch)
            for line in commands(HEAD + EXTERNAL):
                driver.command(line)
            driver.attach(topology, program.vocabulary)
            driver.command("run 0")
            order = np.argsort(lammps.numpy.extract_atom("id")[: len(R)])
            return lammps.numpy.extract_atom("f")[: len(R)][order].copy()
        finally:
            lammps.close()


def in_native(program: Program, R: Float[np.ndarray, "beads 3"], topology: Topology, folder: Path) -> Forces:
    """Forces [kcal/mol/Å] in plain LAMMPS, the program in PJRT.

    Raises:
        UserError: the pair style or its PJRT library is missing, or LAMMPS complains.
    """
    write_data(folder / "system.data", "replay", R, topology, program.vocabulary)
    field = native_force_field(current_plugin(), pjrt_library(), program.path.resolve())
    dump = "dump d all custom 1 forces.txt id fx fy fz\ndump_modify d sort id format float %.12g\nrun 0\n"
    (folder / "in.lammps").write_text(HEAD + field + dump)
    executable, environment = lammps_program()
    done = subprocess.run(
        [str(executable), "-in", "in.lammps", "-nocite"], cwd=folder, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        said = re.search(r"^ERROR.*", done.stdout, flags=re.MULTILINE)
        raise UserError(f"LAMMPS ended with code {done.returncode}: {said.group() if said else done.stderr.strip()}")
    rows = (folder / "forces.txt").read_text().split("ITEM: ATOMS")[1].splitlines()[1:]
    return np.array([row.split()[1:] for row in rows], float)


ENGINES = {"jax": in_jax, "PJRT": in_pjrt, "LAMMPS": in_lammps, "PJRT in LAMMPS": in_native}
"""Name → engine."""
