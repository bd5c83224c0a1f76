"""Validates the configuration and looks into every protein's source, without reading frames or running a stage."""

import argparse
import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int32

from cgpipe.config import BASE, load
from cgpipe.config.models import Project
from cgpipe.config.proteins import NpzProtein, Protein, data_files, native_file
from cgpipe.config.sampling import OpenmmProtein
from cgpipe.config.species import Species
from cgpipe.config.yaml_lines import read_document
from cgpipe.data.chains import describe_chains
from cgpipe.data.given import GivenBeads, find_given
from cgpipe.data.mean_forces import read_mean_forces, refuse_shared, training_weights
from cgpipe.data.native import Beads, read_native
from cgpipe.data.one_temperature import refuse_outside, unfit_temperatures
from cgpipe.data.readers import open_source
from cgpipe.data.species import ONE_LETTER, canonical_residue
from cgpipe.data.start_structure import alpha_carbons, describe_start, disulphides_of
from cgpipe.dynamics.lammps.native import current_plugin, pjrt_library
from cgpipe.errors import UserError
from cgpipe.physics.aggforce_engine import require_aggforce
from cgpipe.physics.hydrogens import require_hydrogens
from cgpipe.physics.mapping import BeadMapping, map_alpha_carbons
from cgpipe.physics.states import bridged_beads, disulphide_names, judge_disulphides
from cgpipe.sampling.pdb import protein_rows
from cgpipe.stage import run


class ToSample(NamedTuple):
    """Beads of a protein that will be sampled; see `Beads`."""

    residue_name: tuple[str, ...]
    chain: Int32[np.ndarray, " beads"]
    residue: Int32[np.ndarray, " beads"]


class Found(NamedTuple):
    """What a protein's source holds in one line, at which temperatures [K], and what a later stage will refuse."""

    summary: str
    temperatures: Sequence[float]
    warnings: Sequence[str] = ()


def check_protein(name: str, block: Protein, species: Species, choices: Project) -> Found:
    """Check that a protein can be projected, as far as that shows without reading frames.

    Args:
        name: what the protein is called in ``proteins.yaml``.
        block: its source.
        species: section ``species`` of the configuration.
        choices: section ``project``.

    Returns:
        One line (beads, chains, gaps, trajectories and frames, or what will be sampled), and the temperatures. What
        sampling allows, but not the projection of its frames, is a warning.

    Raises:
        UserError: missing or damaged file, no such domain or temperature, no forces, no frames, unknown residue,
            disulphide bonds that are not accepted; no OpenMM where it is needed.
    """
    aliases = species.aliases
    try:
        if block.mean_force:
            read_mean_forces(Path(block.mean_force))
        if block.mean_force_train:
            training_weights(read_mean_forces(Path(block.mean_force_train)), block.mean_force_train)
        if isinstance(block, OpenmmProtein):
            found = _check_sampled(block, choices.disulphides)
            _check_native(name, block, _sampled_residues(block), aliases)
            return found
        if isinstance(block, NpzProtein):
            given = find_given(block, species.residue_kinds)
            unbonded = judge_disulphides(bridged_beads(given.residue_name), choices.disulphides, given.files[0])
            _check_native(name, block, given, aliases)
            summary = "; ".join([_summary(given, [len(rows) for rows in given.rows]), *unbonded])
            return Found(summary, [float(block.temperature)])
        with open_source(block) as reader:
            first_file = next(iter(data_files(block).values()))[0]
            require_hydrogens(reader.atoms, choices.constraints, first_file)
            beads = map_alpha_carbons(reader.atoms, aliases, first_file, species.states)
            unbonded = judge_disulphides(disulphide_names(reader.atoms), choices.disulphides, first_file)
            _check_native(name, block, beads, aliases)
            summary = "; ".join([_summary(beads, reader.lengths), *reader.notes, *beads.notes, *unbonded])
            return Found(summary, [float(run.split("/")[0]) for run in reader.trajectories])
    except UserError as error:
        raise UserError(f"protein {name!r}: {error}") from None


def _summary(beads: BeadMapping | GivenBeads, lengths: Sequence[int]) -> str:
    chains = describe_chains(beads.residue_name, beads.chain, beads.residue)
    return f"{chains}; {len(lengths)} trajectories, {sum(lengths)} frames"


def _check_sampled(block: OpenmmProtein, disulphides: str) -> Found:
    """Whether OpenMM and the start are there, of known residues; the atoms are looked at when it is sampled."""
    if importlib.util.find_spec("openmm") is None:
        raise UserError("source 'openmm' needs the package openmm; install it with: pip install 'openmm>=8.3,<8.4'")
    notes: list[str] = []
    warnings: list[str] = []
    if block.pdb:
        text = protein_rows(Path(block.pdb)).text
        chains = describe_start(text, block.pdb)
        notes = judge_disulphides(disulphides_of(text), "unbonded", block.pdb)
        if disulphides == "refuse":
            refused = "so the stage project will refuse what is sampled; set project.disulphides: unbonded to accept it"
            notes, warnings = [], [f"{block.pdb}: {one}, {refused}" for one in notes]
    else:
        chains = f"{len(block.sequence)} beads in 1 chain, no gap"
    wanted = f"{chains}; to be sampled: {block.replicas} × {block.nanoseconds:g} ns at {block.temperature} K"
    configurations = block.average.test + block.average.train
    averaged = [f"mean forces at {configurations} of its configurations"] if configurations else []
    return Found("; ".join([wanted, *averaged, *notes]), [float(block.temperature)], warnings)


def _check_native(name: str, block: Protein, beads: Beads, aliases: Mapping[str, str]) -> None:
    if file := native_file(block):
        read_native(Path(file), beads, aliases, name)


def _sampled_residues(block: OpenmmProtein) -> ToSample:
    """What will be sampled; of a PDB the chains are not looked at, so that no two residues count as bonded."""
    if block.pdb:
        found = alpha_carbons(protein_rows(Path(block.pdb)).text, block.pdb)
        names, step = tuple(canonical_residue(one.name) for one in found), 2
    else:
        names, step = tuple(ONE_LETTER[letter] for letter in block.sequence), 1
    numbers = step * np.arange(len(names), dtype=np.int32)
    return ToSample(names, np.zeros_like(numbers), numbers)


def refuse_unfit(temperatures: Mapping[str, Sequence[float]], file: Path, as_input: bool) -> None:
    """Refuse frames at temperatures [K] that the model cannot have, at the line of the ``proteins.yaml``."""
    unfit = unfit_temperatures(temperatures, as_input)
    if unfit is None:
        return
    lines, block = read_document(file).lines, ("proteins", unfit.protein)
    keys = [(*block, key) for key in ("temperatures", "temperature")]
    place = next((key for key in keys if key in lines), block)
    raise UserError(f"{file}:{lines[place]}: {'.'.join(place)}: {unfit.complaint}")


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
    parser.add_argument("--quiet", action="store_true", help="print mistakes and warnings only")
    arguments = parser.parse_args(argv)
    overlays = [file for file in arguments.configfile if file != BASE]
    config, proteins = load([BASE, *overlays] if BASE.exists() else overlays, arguments.merged)
    if config.simulate.engine == "native":
        current_plugin()
        pjrt_library()
    if config.project.engine == "aggforce":
        require_aggforce()
    found = {
        name: check_protein(name, block, config.species, config.project) for name, block in proteins.proteins.items()
    }
    temperatures = {name: one.temperatures for name, one in found.items()}
    as_input = config.model.temperature == "input"
    refuse_unfit(temperatures, Path(config.proteins), as_input)
    if as_input and config.simulate.temperature:
        everywhere = [kelvin for values in temperatures.values() for kelvin in values]
        refuse_outside(config.simulate.temperature, min(everywhere), max(everywhere), "simulate.temperature")
    training, tests = (
        {
            name: read_mean_forces(Path(file))
            for name, block in proteins.proteins.items()
            if (file := getattr(block, key))
        }
        for key in ("mean_force_train", "mean_force")
    )
    refuse_shared(training, tests)
    for name, one in found.items():
        for warning in one.warnings:
            print(f"warning: protein {name!r}: {warning}", file=sys.stderr)
    if not arguments.quiet:
        for name, one in found.items():
            print(f"{name}: {one.summary}")
        print(f"run {config.run!r}: the configuration and {len(proteins.proteins)} proteins are in order")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
