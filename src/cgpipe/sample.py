"""Stage ``sample``: one replica of all-atom molecular dynamics → positions, forces, energies in mdCATH's layout.

A killed run goes on from its last block of frames, and ends with the file that it would have written undisturbed.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cgpipe.config.slices import SampleSettings
from cgpipe.stage import parser, run, settings


def main(argv: Sequence[str]) -> int:
    """Run what is missing of one replica and write its file."""
    args = _arguments(argv)
    chosen = settings(args.settings, SampleSettings)
    # not at the top: where OpenMM is missing, this import says so
    from cgpipe.sampling.replica import Replica, sample

    replica = Replica(args.protein, args.replica, chosen.sampling, chosen.unfolded)
    print(sample(replica, args.out, args.partial, int(os.environ.get("NPROC", "1"))))
    return 0


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    arguments = parser("sample", __doc__ or "")
    arguments.add_argument("--protein", required=True, help="name of the protein")
    arguments.add_argument("--replica", required=True, type=int, help="from 0")
    arguments.add_argument("--out", required=True, type=Path, help="trajectory to write (HDF5, mdCATH's layout)")
    arguments.add_argument("--partial", required=True, type=Path, help="folder of the frames until then")
    return arguments.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main))
