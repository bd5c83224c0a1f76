"""The folder of an export: the model files it was made of, programs of several capacities, weights, ``model.json``.

The model files are all that is needed to make the rest again, without data and without training.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from cgpipe.data.species import Vocabulary
from cgpipe.deploy.consensus import Model
from cgpipe.deploy.metadata import describe_programs, file_stem
from cgpipe.deploy.parameters import write_parameters
from cgpipe.deploy.stablehlo import export_potential, write_program
from cgpipe.model.ensemble import Ensemble
from cgpipe.model.potential import Potential
from cgpipe.model.serialise import EXPORTED_AT, load_model, save_model
from cgpipe.model.temperature import at_temperature


class Layout(NamedTuple):
    """Which programs there are.

    Attributes:
        beads: capacity of each.
        neighbours: room for neighbours per bead; 0 takes that of the model.
        platforms: where they can run.
        text: whether each is written as readable text too.
        temperature: what models that have it as an input are taken at [K]; no matter for others.
    """

    beads: Sequence[int]
    neighbours: int
    platforms: Sequence[str]
    text: bool
    temperature: float = 0.0


def model_files(seeds: Sequence[int]) -> list[str]:
    """Names of the model files in an export of these seeds."""
    return ["model.eqx"] if len(seeds) == 1 else [f"seed-{seed}.eqx" for seed in seeds]


def write_bundle(
    folder: Path, models: Mapping[str, Path], layout: Layout, names: Vocabulary, head: Mapping[str, Any]
) -> tuple[Model, dict[str, Any]]:
    """Write everything but ``model.json``.

    Args:
        folder: an empty one.
        models: name in the export → model file; several are the members of one ensemble.
        layout: of the programs.
        names: bead types.
        head: provenance of the weights.

    Returns:
        What was exported, and the part of ``model.json`` that describes it.

    Raises:
        UserError: a model file is damaged, or members have different networks or priors.
    """
    for name, path in models.items():
        _put(path, folder / name, layout.temperature)
    model = joined([load_model(folder / name)[0] for name in models], layout.neighbours)
    programs = [export_potential(model, beads, layout.platforms) for beads in layout.beads]
    for program in programs:
        write_program(program, folder, file_stem(program, program is programs[-1]), layout.text)
    write_parameters(folder, model, head)
    described = describe_programs(programs, names, model, folder, (*models, "params.npz", "params.pkl"))
    return model, {"models": list(models), **described}


def _put(path: Path, copy: Path, temperature: float) -> None:
    """A copy of a model file; of one that has temperature as an input, the ordinary model at one."""
    potential, line = load_model(path)
    if potential.temperatures is None:
        shutil.copyfile(path, copy)
    else:
        exported = at_temperature(potential, temperature, "simulate.temperature")
        save_model(copy, exported, line["cgpipe"], line["statistics"] | {EXPORTED_AT: temperature})


def joined(potentials: Sequence[Potential], neighbours: int) -> Model:
    """One model of all potentials, with room for so many neighbours per bead (0: what they have)."""
    if neighbours:
        potentials = [replace(one, neighbour_slots=neighbours) for one in potentials]
    return potentials[0] if len(potentials) == 1 else Ensemble.of(potentials)
