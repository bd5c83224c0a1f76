"""Systems of beads for plain LAMMPS with the native pair style: input, run, what comes out."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cgpipe.data.species import vocabulary
from cgpipe.data.topology import Topology
from cgpipe.dynamics.lammps.native import lammps_program, pjrt_library
from cgpipe.dynamics.lammps.system import write_data

NAMES = vocabulary("residues")
QUANTITIES = ("pe", "press", "pxx", "pyy", "pzz", "pxy", "pxz", "pyz")


@dataclass(frozen=True)
class Beads:
    """What a dump holds, by atom ID."""

    ids: np.ndarray
    x: np.ndarray
    f: np.ndarray
    energy: np.ndarray


@dataclass(frozen=True)
class Native:
    """An exported model and the plugin that runs it."""

    plugin: Path
    model_json: Path

    def text(self, *commands: str, boundary: str = "s s s", data: str = "system.data", style: str = "molecular") -> str:
        """An input file: the system with its pair style, then the commands."""
        return "\n".join(
            [
                *(
                    "units real",
                    f"atom_style {style}",
                    "newton on",
                    f"boundary {boundary}",
                    f"plugin load {self.plugin}",
                ),
                *(f"read_data {data}", *self.force_field(), "neigh_modify every 1 delay 0 check yes", "timestep 2.0"),
                "thermo_style custom step temp " + " ".join(QUANTITIES),
                "thermo_modify norm no format float %.12g",
                *commands,
                "",
            ]
        )

    def force_field(self) -> tuple[str, str]:
        return (
            f"pair_style cgpipe {pjrt_library()}",
            f"pair_coeff * * {self.model_json.with_name('model.mlir')} {self.model_json}",
        )


DUMP = (
    "compute energy all pe/atom",
    "dump d all custom 1 beads.txt id type x y z fx fy fz c_energy",
    "dump_modify d sort id format float %.12g",
)
"""Commands that write ``beads.txt``, for ``dumped``."""


def periodic_box(folder: Path, R: np.ndarray, topology: Topology, edge: float) -> None:
    """``system.data`` with a cubic box from 0 to ``edge`` [Å]; LAMMPS wraps what is outside and keeps image flags."""
    write_data(folder / "system.data", "periodic", R, topology, NAMES)
    lines = (folder / "system.data").read_text().splitlines()
    for axis in "xyz":
        at = next(i for i, line in enumerate(lines) if line.endswith(f"{axis}hi"))
        lines[at] = f"0.0 {edge} {axis}lo {axis}hi"
    (folder / "system.data").write_text("\n".join(lines) + "\n")


def lmp(folder: Path, text: str, ranks: int = 1, more: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Run plain LAMMPS on an input file."""
    (folder / "in.lammps").write_text(text)
    program, environment = lammps_program()
    command = [str(program), "-in", "in.lammps", "-nocite", *more]
    if ranks > 1:
        command = [str(Path(sys.executable).with_name("mpiexec")), "-n", str(ranks), *command]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def finished(folder: Path, text: str, ranks: int = 1) -> dict[str, np.ndarray]:
    """Run to the end and return the columns of the last thermo table."""
    done = lmp(folder, text, ranks)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    lines = (folder / "log.lammps").read_text().splitlines()
    start = max(i for i, line in enumerate(lines) if line.split()[:1] == ["Step"])
    end = next(i for i in range(start, len(lines)) if lines[i].startswith("Loop time"))
    # warnings may stand between the rows
    rows = [line.split() for line in lines[start + 1 : end] if line.split()[:1] and line.split()[0].isdigit()]
    return dict(zip(lines[start].split(), np.array(rows, float).T, strict=True))


def dumped(folder: Path) -> Beads:
    """The last frame of ``beads.txt``."""
    return all_dumped(folder)[-1]


def all_dumped(folder: Path) -> list[Beads]:
    """All frames of ``beads.txt``."""
    frames = (folder / "beads.txt").read_text().split("ITEM: TIMESTEP")[1:]
    tables = [np.array([line.split() for line in frame.splitlines()[9:]], float) for frame in frames]
    return [Beads(table[:, 0].astype(int), table[:, 2:5], table[:, 5:8], table[:, 8]) for table in tables]
