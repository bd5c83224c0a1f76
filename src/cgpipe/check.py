"""Validates the configuration and looks into every protein's source, without reading frames or running a stage."""

import argparse
import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cgpipe.config import BASE, load
from cgpipe.config.proteins import NpzProtein, Protein, data_files
from cgpipe.config.sampling import OpenmmProtein
from cgpipe.data.chains import describe_chains
from cgpipe.data.given import GivenBeads, find_given
from cgpipe.data.mean_forces import read_mean_forces, refuse_shared, training_weights
from cgpipe.data.readers import open_source
from cgpipe.data.start_structure import describe_start
from cgpipe.dynamics.lammps.native import current_plugin, pjrt_library
from cgpipe.errors import UserError
from cgpipe.physics.aggforce_engine import require_aggforce
from cgpipe.physics.hydrogens import require_hydrogens
from cgpipe.physics.mapping import BeadMapping, map_alpha_carbons
from cgpipe.sampling.pdb import protein_rows
from cgpipe.stage import run


def check_protein(name: str, block: Protein, aliases: Mapping[str, str], constraints: str) -> str:
    """Check that a protein can be projected, as far as that shows without reading frames.

    Args:
        name: what the protein is called in ``proteins.yaml``.
        block: its source.
        aliases: the configuration's table of non-standard residues.
        constraints: ``project.constraints``.

    Returns:
        One line: beads, chains, gaps, trajectories and frames, or what will be sampled.

    Raises:
        UserError: missing or damaged file, no such domain or temperature, no forces, no frames, unknown residue;
            no OpenMM where it is needed.
    """
    try:
        if block.mean_force:
            read_mean_forces(Path(block.mean_force))
        if block.mean_force_train:
            training_weights(read_mean_forces(Path(block.mean_force_train)), block.mean_force_train)
        if isinstance(block, OpenmmProtein):
            return _check_sampled(block)
        if isinstance(block, NpzProtein):
            given = find_given(block)
            return _summary(given, [len(rows) for rows in given.rows])
        with open_source(block) as reader:
            first_file = next(iter(data_files(block).values()))[0]
            require_hydrogens(reader.atoms, constraints, first_file)
            beads = map_alpha_carbons(reader.atoms, aliases, first_file)
            return "; ".join([_summary(beads, reader.lengths), *reader.notes, *beads.notes])
    except UserError as error:
        raise UserError(f"protein {name!r}: {error}") from None


def _summary(beads: BeadMapping | GivenBeads, lengths: Sequence[int]) -> str:
    chains = describe_chains(beads.residue_name, beads.chain, beads.residue)
    return f"{chains}; {len(lengths)} trajectories, {sum(lengths)} frames"


def _check_sampled(block: OpenmmProtein) -> str:
    """Whether OpenMM and the start are there, of known residues; the atoms are looked at when it is sampled."""
    if importlib.util.find_spec("openmm") is None:
        raise UserError("source 'openmm' needs the package openmm; install it with: pip install 'openmm>=8.3,<8.4'")
    if block.pdb:
        chains = describe_start(protein_rows(Path(block.pdb)).text, block.pdb)
    else:
        chains = f"{len(block.sequence)} beads in 1 chain, no gap"
    wanted = f"{chains}; to be sampled: {block.replicas} × {block.nanoseconds:g} ns at {block.temperature} K"
    configurations = block.average.test + block.average.train
    return wanted + (f"; mean forces at {configurations} of its configurations" if configurations else "")


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
    if config.simulate.engine == "native":
        current_plugin()
        pjrt_library()
    if config.project.engine == "aggforce":
        require_aggforce()
    for name, block in proteins.proteins.items():
        summary = check_protein(name, block, config.species.aliases, config.project.constraints)
        if not arguments.quiet:
            print(f"{name}: {summary}")
    training, tests = (
        {
            name: read_mean_forces(Path(file))
            for name, block in proteins.proteins.items()
            if (file := getattr(block, key))
        }
        for key in ("mean_force_train", "mean_force")
    )
    refuse_shared(training, tests)
    if not arguments.quiet:
        print(f"run {config.run!r}: the configuration and {len(proteins.proteins)} proteins are in order")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
