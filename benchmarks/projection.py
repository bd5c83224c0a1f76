"""Speed and memory of the force projection, measured in one run on a synthetic file (made beside ``--folder``).

Prints a table: a plain read of the positions and forces with h5py, the stage ``project`` as the workflow runs it, its
speed as a share of the plain read's, and the stage's peak memory, for each map; each from disk (the file's cached pages
are dropped first) and from the page cache. The stage's seconds begin with Python's start: ``programs`` is the share of
a program that only reads, with its own start, ``reading`` that of its reading alone. Where the package aggforce is
importable, ``--aggforce`` also times both engines on the same frames: only the computation of the optimal map, from
forces in memory. Example::

    python benchmarks/projection.py --folder /tmp --aggforce
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from synthetic_mdcath import large_protein, write_mdcath

from cgpipe.data.readers import open_mdcath
from cgpipe.physics.aggforce_engine import aggforce_map, require_aggforce
from cgpipe.physics.constraints import rigid_bonds, rigid_groups
from cgpipe.physics.forcemap import atom_map, bead_groups, group_forces, optimal_coefficients
from cgpipe.physics.gram import Gram
from cgpipe.physics.mapping import map_alpha_carbons

PIECE = 500
KEPT = ("hugetlb=1", "mmap_max=0", "trim_threshold=4000000000", "arena_max=1")
AS_A_JOB = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "GLIBC_TUNABLES": ":".join(f"glibc.malloc.{setting}" for setting in KEPT),
}
"""What the workflow sets for the stage."""
TEMPERATURES, REPLICAS = (320, 348, 379, 413, 450), range(5)


def forget(path: Path) -> None:
    """Drop the file's pages from the operating system's cache, so that the next read comes from the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def plain_read(path: Path) -> tuple[float, float, float]:
    """Bytes of all positions and forces, seconds to read them in pieces, and those with Python's start."""
    start = time.perf_counter()
    command = [sys.executable, Path(__file__).with_name("plain_read.py"), path]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    wall = time.perf_counter() - start
    read, seconds = map(float, printed.split())
    return read, seconds, wall


def stage(path: Path, out: Path, kind: str) -> tuple[float, float, float]:
    """Wall and processor seconds and peak memory [MB] of the stage, Python's start included."""
    settings = {"protein": {"source": "mdcath", "path": str(path)}, "species": {}, "project": {"map": kind}}
    command = [sys.executable, "-m", "cgpipe.project", "--settings", json.dumps(settings), "--protein", "synth"]
    start = time.perf_counter()
    child = subprocess.Popen([*command, "--out", str(out)], stdout=subprocess.DEVNULL, env=os.environ | AS_A_JOB)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"the stage failed with exit code {child.returncode}")
    out.unlink()
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def engines(path: Path, frames: int) -> None:
    """Print how long both engines take for the optimal map of the first frames of a file."""
    version, chunks = require_aggforce(), []
    with open_mdcath(path, "", (), (), 1) as reader:
        mapping = map_alpha_carbons(reader.atoms, {}, "synth")
        rigid = rigid_bonds(reader.atoms, "hbonds")
        for chunk in reader.chunks():
            chunks.append(chunk.F)
            if sum(map(len, chunks)) >= frames:
                break
    F = np.concatenate(chunks)[:frames]
    start, busy = time.perf_counter(), time.process_time()
    groups = bead_groups(rigid_groups(F.shape[1], rigid), mapping.atom, "synth")
    gram = Gram(1, groups.count)
    for part in np.array_split(F, -(-frames // PIECE)):
        gram.add(group_forces(part, groups), 0)
    ours = atom_map(optimal_coefficients(gram.mean(), groups, 0.0, "synth"), groups)
    middle, busy_middle = time.perf_counter(), time.process_time()
    theirs = aggforce_map(F, mapping.atom, rigid, 0.0, "synth")
    wall, busy_end = time.perf_counter(), time.process_time()
    print(f"\noptimal map of {F.shape[1]} atoms, {len(mapping)} beads, {len(F)} frames")
    print(f"{'engine':<16}{'wall s':>10}{'cpu s':>10}")
    print(f"{'builtin':<16}{middle - start:>10.2f}{busy_middle - busy:>10.2f}")
    print(f"{version:<16}{wall - middle:>10.2f}{busy_end - busy_middle:>10.2f}")
    print(
        f"ratio {(wall - middle) / (middle - start):.0f} (wall), {(busy_end - busy_middle) / (busy_middle - busy):.0f}",
        end="",
    )
    print(f" (cpu); largest relative difference {np.abs(ours - theirs).max() / np.abs(ours).max():.1e}")


def main() -> None:
    """Make the file where it is missing, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="for the synthetic file; its disk is what is read")
    parser.add_argument("--residues", type=int, default=150)
    parser.add_argument("--atoms", type=int, default=2300)
    parser.add_argument("--frames", type=int, default=11000)
    parser.add_argument("--maps", nargs="+", default=["window", "auto"])
    parser.add_argument("--aggforce", action="store_true", help="time aggforce too (minutes)")
    parser.add_argument("--aggforce-frames", type=int, default=1000)
    given = parser.parse_args()
    path = given.folder / f"synthetic_{given.residues}_{given.atoms}_{given.frames}.h5"
    if not path.exists():
        names = [f"{temperature}/{replica}" for temperature in TEMPERATURES for replica in REPLICAS]
        lengths = {name: given.frames // len(names) + (k < given.frames % len(names)) for k, name in enumerate(names)}
        partial = path.with_suffix(".partial")
        write_mdcath(partial, large_protein(given.residues, given.atoms), lengths).rename(path)
    size = path.stat().st_size / 1e6
    print(f"{path.name}: {size:.0f} MB, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(
        f"{'':<18}{'read MB/s':>10}{'stage s':>10}{'cpu s':>8}{'MB/s':>8}{'programs':>10}{'reading':>9}{'peak MB':>9}"
    )
    for kind in given.maps:
        for place in ("disk", "cache"):
            if place == "disk":
                forget(path)
            read, seconds, program = plain_read(path)
            if place == "disk":
                forget(path)
            wall, busy, peak = stage(path, path.with_suffix(".out.h5"), kind)
            print(f"{kind + ', ' + place:<18}{read / 1e6 / seconds:>10.0f}{wall:>10.2f}{busy:>8.2f}", end="")
            print(f"{read / 1e6 / wall:>8.0f}{program / wall:>10.2f}{seconds / wall:>9.2f}{peak:>9.0f}", flush=True)
    print(f"peak of this program itself: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    if given.aggforce:
        engines(path, given.aggforce_frames)


if __name__ == "__main__":
    main()
