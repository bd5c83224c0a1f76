"""Validates the configuration and looks into every protein's source, without reading frames or running a stage."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cgpipe.config import load
from cgpipe.config.models import Protein
from cgpipe.data.readers import open_mdcath
from cgpipe.errors import UserError
from cgpipe.physics.aggforce_engine import require_aggforce
from cgpipe.physics.mapping import map_alpha_carbons
from cgpipe.stage import run

BASE = Path("config/config.yaml")


def check_protein(name: str, block: Protein, aliases: Mapping[str, str]) -> str:
    """Check that a protein can be projected, as far as that shows without reading frames.

    Args:
        name: what the protein is called in ``proteins.yaml``.
        block: its source.
        aliases: the configuration's table of non-standard residues.

    Returns:
        One line: beads, trajectories and frames.

    Raises:
        UserError: missing or damaged file, no such domain or temperature, no forces, no frames, unknown residue.
    """
    where = f"protein {name!r}"
    try:
        with open_mdcath(Path(block.path), block.domain, block.temperatures, block.replicas, block.stride) as reader:
            beads = map_alpha_carbons(reader.atoms, aliases, block.path)
            summary = f"{len(beads)} beads, {len(reader.trajectories)} trajectories, {sum(reader.lengths)} frames"
            return "; ".join([summary, *reader.skipped])
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def main(argv: Sequence[str]) -> int:
    """Check everything that can be checked before a run."""
    parser = argparse.ArgumentParser(prog="cgpipe check", description=__doc__)
    parser.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help=f"overlays on top of {BASE}, as in snakemake --configfile",
    )
    parser.add_argument("--merged", type=json.loads, metavar="JSON", help="the configuration as Snakemake merged it")
    parser.add_argument("--quiet", action="store_true", help="print mistakes only")
    arguments = parser.parse_args(argv)
    overlays = [file for file in arguments.configfile if file != BASE]
    config, proteins = load([BASE, *overlays] if BASE.exists() else overlays, arguments.merged)
    if config.project.engine == "aggforce":
        require_aggforce()
    for name, block in proteins.proteins.items():
        summary = check_protein(name, block, config.species.aliases)
        if not arguments.quiet:
            print(f"{name}: {summary}")
    if not arguments.quiet:
        print(f"run {config.run!r}: the configuration and {len(proteins.proteins)} proteins are in order")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
