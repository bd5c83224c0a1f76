"""How fast, in how much memory and with how much padding the dataset stage works on made-up proteins.

    python benchmarks/dataset.py [--proteins 100] [--frames 1000] [--shortest 50] [--longest 300] [--npz] [--keep DIR]

The projections are synthetic: self-avoiding-looking random chains that tremble, with random forces. Their numbers mean
nothing; only their sizes are real. Prints a table; writes nothing that stays unless told to.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cgpipe.artefact import header, read_json
from cgpipe.data.padding import choose_capacities, padding_waste
from cgpipe.data.projection import Projection, write_projection
from cgpipe.data.species import RESIDUE_MASSES

RESIDUES = [name for name in RESIDUE_MASSES if name != "X"]
ATOMS_PER_BEAD = 16
TRAJECTORIES = 5


def write_synthetic(path: Path, name: str, beads: int, frames: int, random: np.random.Generator) -> None:
    """A compact random chain that trembles, as a projection."""
    steps = random.normal(size=(beads, 3))
    start = np.cumsum(3.8 * steps / np.linalg.norm(steps, axis=1, keepdims=True), axis=0)
    start *= 2.2 * beads**0.38 / np.sqrt(((start - start.mean(axis=0)) ** 2).sum(axis=1).mean())
    R = start + random.normal(scale=0.5, size=(frames, beads, 3))
    projection = Projection(
        protein=name,
        R=R.astype(np.float32),
        F=random.normal(scale=12.0, size=(frames, beads, 3)).astype(np.float32),
        residue_name=tuple(RESIDUES[i] for i in random.integers(len(RESIDUES), size=beads)),
        chain=np.zeros(beads, np.int32),
        residue=np.arange(beads, dtype=np.int32),
        temperature=np.full(frames, 320.0, np.float32),
        trajectories=tuple(f"320/{i}" for i in range(TRAJECTORIES)),
        trajectory=np.repeat(np.arange(TRAJECTORIES), -(-frames // TRAJECTORIES))[:frames].astype(np.int32),
        frame=(np.arange(frames) % -(-frames // TRAJECTORIES)).astype(np.int32),
        W=np.zeros((beads, ATOMS_PER_BEAD * beads)),
        atom_name=("C",) * (ATOMS_PER_BEAD * beads),
        atom_residue=("0",) * (ATOMS_PER_BEAD * beads),
        quality={"rms_heldout": {"optimal": 12.0}, "note": "synthetic"},
    )
    write_projection(path, projection, header("projection", {"synthetic": True}, {}))


def main(argv: Sequence[str]) -> int:
    """Generate, run the stage as a process of its own, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proteins", type=int, default=100)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--shortest", type=int, default=50)
    parser.add_argument("--longest", type=int, default=300)
    parser.add_argument("--split", default="proteins", choices=("auto", "blocks", "trajectories", "proteins"))
    parser.add_argument("--npz", action="store_true", help="write dataset.npz too")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="folder to use and to leave behind")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as scratch:
        measure(options, options.keep or Path(scratch))
    return 0


def measure(options: argparse.Namespace, folder: Path) -> None:
    """One run of the stage in a folder."""
    random = np.random.default_rng(options.seed)
    lengths = random.integers(options.shortest, options.longest + 1, size=options.proteins).tolist()
    names = [f"p{i:04d}" for i in range(options.proteins)]
    files = [folder / f"{name}.h5" for name in names]
    for file, name, beads in zip(files, names, lengths, strict=True):
        if not file.exists():
            write_synthetic(file, name, beads, options.frames, random)
    settings = {
        "dataset": {"split": options.split, "npz": options.npz},
        "vocabulary": "residues",
        "val_fraction": 0.1,
        "cutoff": 12.0,
        "families": {name: f"family{i // 2}" for i, name in enumerate(names)},
    }
    out, summary = folder / "dataset.h5", folder / "dataset.json"
    npz = ["--npz", str(folder / "dataset.npz")] if options.npz else []
    command = [sys.executable, "-m", "cgpipe.dataset", "--settings", json.dumps(settings), "--projections"]
    begun = time.perf_counter()
    subprocess.run([*command, *map(str, files), "--out", str(out), *npz, "--summary", str(summary)], check=True)
    seconds = time.perf_counter() - begun
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    statistics = read_json(summary, "dataset-summary")["statistics"]
    content = 24 * options.frames * sum(lengths) / 1e6
    rows = {
        "proteins × frames": f"{options.proteins} × {options.frames}, {min(lengths)}–{max(lengths)} beads",
        "positions and forces": f"{content:.0f} MB",
        "wall time": f"{seconds:.1f} s ({content / seconds:.0f} MB/s)",
        "processor time": f"{used.ru_utime + used.ru_stime:.1f} s",
        "peak memory": f"{used.ru_maxrss / 1e6:.2f} GB",
        "dataset.h5": f"{out.stat().st_size / 1e6:.0f} MB",
        "padding": f"{statistics['padding_waste']:.1%} with {len(statistics['buckets'])} lengths "
        f"{statistics['buckets']}",
        "padding, one length": f"{statistics['padding_waste_longest']:.1%}",
    }
    if options.npz:
        rows["dataset.npz"] = f"{(folder / 'dataset.npz').stat().st_size / 1e6:.0f} MB"
    for name, value in rows.items():
        print(f"{name:22} {value}")
    frames = [options.frames] * len(lengths)
    waste = [padding_waste(lengths, frames, choose_capacities(lengths, frames, most)) for most in range(1, 13)]
    print("padding by lengths     " + ", ".join(f"{i}: {w:.1%}" for i, w in enumerate(waste, start=1)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
