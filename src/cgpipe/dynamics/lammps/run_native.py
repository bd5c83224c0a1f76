"""One Langevin run of a chain in plain LAMMPS, a process of its own, with the native pair style.

The pair style itself ends a run whose molecule is torn or whose forces are not finite. Finer limits on bonds are
checked on the saved frames when the run is over: a molecule that is out of them in a frame died there.
"""

import re
import subprocess
from pathlib import Path

import numpy as np
from jaxtyping import Float
from MDAnalysis.lib.formats.libdcd import DCDFile

from cgpipe.data.species import Vocabulary
from cgpipe.data.topology import Topology
from cgpipe.dynamics.ends import BondWatch, Death, Outcome
from cgpipe.dynamics.lammps.driver import LOST
from cgpipe.dynamics.lammps.input import input_text, native_force_field
from cgpipe.dynamics.lammps.native import current_plugin, lammps_program, pjrt_library
from cgpipe.dynamics.lammps.system import write_data
from cgpipe.dynamics.plans import Plan
from cgpipe.errors import UserError

DEATHS = re.compile(r"pair_style cgpipe: (?:.*fell apart|.*is not finite|\d+ neighbour slots)")
"""What the pair style says of a structure that is none any more."""


def run_chain_native(
    folder: Path,
    plan: Plan,
    R: Float[np.ndarray, "beads 3"],
    topology: Topology,
    names: Vocabulary,
    model_json: Path,
    bonds: BondWatch,
) -> Outcome:
    """Write ``system.data`` and ``in.lammps`` into a folder and run them there; LAMMPS adds its files.

    Args:
        R: first positions [Å].
        topology: of the chain.
        names: bead types.
        model_json: of the exported model.
        bonds: decides when a bond is broken.

    Raises:
        UserError: the pair style or its PJRT library is missing, or LAMMPS refuses the input.
    """
    write_data(folder / "system.data", plan.title, R, topology, names)
    force_field = native_force_field(current_plugin(), pjrt_library(), model_json.resolve())
    (folder / "in.lammps").write_text(input_text(plan, force_field))
    program, environment = lammps_program()
    command = [str(program), "-in", "in.lammps", "-log", "log.lammps", "-screen", "none", "-nocite"]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    log = (folder / "log.lammps").read_text() if (folder / "log.lammps").exists() else ""
    death = None
    if ended.returncode:
        said = next((line for line in log.splitlines() if line.startswith("ERROR")), ended.stderr.strip()[-300:])
        death = _death(said, log)
        if death is None:
            raise UserError(f"{folder / 'in.lammps'}: LAMMPS ended with code {ended.returncode}: {said}")
    death = _broken(folder / "traj.dcd", plan, bonds) or death
    steps = plan.steps if death is None else death.step
    seconds, share = timing(log)
    return Outcome(death, steps, seconds, share, bonds.largest)


def _death(said: str, log: str) -> Death | None:
    """The death that an error message means, or None: it is a mistake."""
    if not DEATHS.search(said) and not LOST.search(said):
        return None
    found = re.search(r"at step (\d+)", said)
    dynamics = re.split(r"^reset_timestep.*$", log, flags=re.MULTILINE)
    if len(dynamics) == 1:
        return Death(0, said)  # in the minimisation
    last = re.findall(r"^\s*(\d+)(?:\s+-?[\d.e+-]+){5}\s*$", dynamics[-1], flags=re.MULTILINE)
    return Death(int(found.group(1)) if found else int(last[-1]) if last else 0, said)


def _broken(trajectory: Path, plan: Plan, bonds: BondWatch) -> Death | None:
    """The first saved frame with a broken bond."""
    if not trajectory.is_file():
        return None
    try:
        with DCDFile(str(trajectory)) as frames:
            for number, frame in enumerate(frames):
                bonds.check(frame.xyz.astype(np.float64), number * plan.save_every)
    except Death as death:
        return death
    return None


def timing(log: str) -> tuple[float, float]:
    """Seconds of the last run, and the share of the pair style in it; zeros for a run that did not end."""
    loops = re.findall(r"^Loop time of (\S+)", log, flags=re.MULTILINE)
    pairs = re.findall(r"^Pair\s+\|[^|]*\|[^|]*\|[^|]*\|[^|]*\|\s*(\S+)", log, flags=re.MULTILINE)
    if not loops or "reset_timestep" not in log or log.rindex("Loop time") < log.rindex("reset_timestep"):
        return 0.0, 0.0
    return float(loops[-1]), float(pairs[-1]) / 100
