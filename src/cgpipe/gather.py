"""Stage ``gather``: the replicas of one protein → one file in mdCATH's layout, as `project` reads it."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import h5py

from cgpipe.artefact import create_h5, header, mixture, open_h5
from cgpipe.errors import UserError
from cgpipe.maker import maker
from cgpipe.stage import run

DESCRIPTION = ("chain", "element", "resname", "resid", "z", "pdb", "pdbProteinAtoms", "psf")


def main(argv: Sequence[str]) -> int:
    """Copy what the atoms are from the first replica, and the frames from all, compressed as they are."""
    args = _arguments(argv)
    frames = 0
    inputs = {f"replica-{number}": path for number, path in enumerate(args.replicas)}
    head = header("allatom", {"protein": args.protein}, inputs, by=maker("gather"))
    with create_h5(args.out, head) as file:
        for path in args.replicas:
            with open_h5(path, "allatom") as source:
                if args.protein not in source:
                    raise UserError(f"{path}: holds {list(source)}, not {args.protein!r}")
                frames += _add(file, source, args.protein, path)
    if note := mixture(args.replicas, ("sampling",)):
        print(f"warning: {note}", file=sys.stderr)
    print(f"{args.protein}: {len(args.replicas)} replicas, {frames} frames")
    return 0


def _add(file: h5py.File, source: h5py.File, protein: str, path: Path) -> int:
    """Add the trajectories of one file; returns how many frames they have."""
    if protein not in file:
        file.attrs["layout"] = source.attrs["layout"]
        group = file.create_group(protein)
        group.attrs.update(source[protein].attrs)
        for name in DESCRIPTION:
            source.copy(source[protein][name], group)
    group = file[protein]
    if group["psf"][()] != source[protein]["psf"][()]:
        raise UserError(f"{path}: other atoms than in the first replica; delete the replicas and sample them again")
    frames = 0
    for temperature in (name for name in source[protein] if name.isdigit()):
        for replica in source[protein][temperature]:
            target = group.require_group(temperature)
            if replica in target:
                raise UserError(f"{path}: temperature {temperature}, replica {replica} is there already")
            source.copy(source[protein][temperature][replica], target)
            frames += int(target[replica].attrs["numFrames"])
    return frames


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    arguments = argparse.ArgumentParser(prog="cgpipe gather", description=__doc__)
    arguments.add_argument("--protein", required=True, help="name of the protein")
    arguments.add_argument("--replicas", required=True, type=Path, nargs="+", help="files of the stage sample")
    arguments.add_argument("--out", required=True, type=Path, help="trajectories to write (HDF5, mdCATH's layout)")
    return arguments.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main))
