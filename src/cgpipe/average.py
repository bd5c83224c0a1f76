"""Stage ``average``: chosen frames of a sampled protein → mean forces at their bead positions, to test or to train on.

Every run at every configuration is kept as soon as it is done, so a killed stage repeats at most one of them.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cgpipe.artefact import earlier, header, write_json, write_npz
from cgpipe.config.slices import AverageSettings
from cgpipe.data.projection import read_projection
from cgpipe.maker import maker
from cgpipe.stage import parser, run, settings


def main(argv: Sequence[str]) -> int:
    """Sample what is missing, compare the maps, write the labels."""
    args = _arguments(argv)
    chosen = settings(args.settings, AverageSettings)
    # not at the top: where OpenMM is missing, this import says so
    from cgpipe.sampling.labels import make_labels

    projection = read_projection(args.projection)
    made = make_labels(projection, args.trajectories, chosen, args.set, args.partial, int(os.environ.get("NPROC", "1")))
    inputs = {"projection": args.projection, "trajectories": args.trajectories}
    by = maker("average")
    head = header("average", chosen.model_dump(mode="json"), inputs, by=by) | earlier(args.partial, by)
    write_npz(args.out, made.arrays(), head)
    write_json(args.summary, head, made.summary())
    made.remove_partial()
    print(made.line())
    return 0


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    arguments = parser("average", __doc__ or "")
    arguments.add_argument("--projection", required=True, type=Path, help="the protein's projection (HDF5)")
    arguments.add_argument("--trajectories", required=True, type=Path, help="its all-atom frames (HDF5)")
    arguments.add_argument("--set", required=True, choices=["test", "train"], help="which configurations")
    arguments.add_argument("--out", required=True, type=Path, help="labels to write (NPZ)")
    arguments.add_argument("--summary", required=True, type=Path, help="errors and comparison of maps (JSON)")
    arguments.add_argument("--partial", required=True, type=Path, help="folder of the runs until then")
    return arguments.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main))
