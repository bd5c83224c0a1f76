"""The command ``cgpipe``: the stages, and what is beside them (``ABOUT``, and ``info``)."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cgpipe import __version__
from cgpipe.artefact import read_header
from cgpipe.stage import call, run

STAGES = (
    "sample", "gather", "project", "average", "dataset", "prior", "train", "ensemble", "export", "simulate", "validate",
    "stability", "report",
)  # fmt: skip
ABOUT = {
    "check": "validate the configuration and look into the data",
    "inspect": "say what is in a dataset and which of it looks wrong",
    "cluster-check": "try on a Slurm cluster what a training will go through",
    "compare": "several finished runs side by side, as a page",
    "verify": "replay an export's reference frames in every engine",
    "renew": "make the programs of an export again, from the model files in it",
    "build-plugin": "compile the native LAMMPS pair style",
    "watch": "learning curves of a run, while it trains",
}
OWN_PARSER = (*ABOUT, *STAGES)


def main(argv: Sequence[str]) -> int:
    """Run one command; all but ``info`` parse the rest of the command line themselves."""
    if argv and argv[0] in OWN_PARSER:
        return call(importlib.import_module(f"cgpipe.{argv[0].replace('-', '_')}").main, argv[1:])
    parser = argparse.ArgumentParser(prog="cgpipe", description=__doc__)
    parser.add_argument("--version", action="version", version=f"cgpipe {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in OWN_PARSER:
        about = ABOUT.get(name, f"run the stage {name!r}")
        commands.add_parser(name, help=f"{about}; has its own --help", add_help=False)
    shower = commands.add_parser("info", help="say what a file is and where it came from")
    shower.add_argument("file", type=Path)
    return info(parser.parse_args(argv).file)


def info(path: Path) -> int:
    """Print the header of an artefact, one line per entry."""
    head = read_header(path)
    print(f"{path}: {head.pop('kind')}, schema {head.pop('schema')}")
    print("\n".join(_lines(head, "  ")))
    return 0


def _lines(block: dict[str, Any], indent: str) -> list[str]:
    shown: list[str] = []
    for key, value in block.items():
        if isinstance(value, dict) and value:
            shown += [f"{indent}{key}:", *_lines(value, indent + "  ")]
        else:
            shown.append(f"{indent}{key}: {value}")
    return shown


def entry() -> None:
    """Entry point of the command."""
    sys.exit(run(main))
