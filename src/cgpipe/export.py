"""Stage ``export``: one member as StableHLO programs, proven on real frames to give the forces of the Python model."""

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cgpipe.artefact import header, read_json, write_json
from cgpipe.config.models import Export
from cgpipe.config.slices import ExportSettings
from cgpipe.data.species import Vocabulary
from cgpipe.data.store import Dataset, open_dataset
from cgpipe.deploy.metadata import describe_programs, file_stem, reference_frames
from cgpipe.deploy.parameters import write_parameters
from cgpipe.deploy.parity import Parity, compare, sample_frames
from cgpipe.deploy.program import load_program
from cgpipe.deploy.publish import published
from cgpipe.deploy.stablehlo import export_potential, write_program
from cgpipe.errors import UserError
from cgpipe.model.potential import Potential
from cgpipe.model.serialise import load_model
from cgpipe.stage import parser, run, settings


def main(argv: Sequence[str]) -> int:
    """Export, compare with the model, and publish only what passed."""
    args = _arguments(argv)
    chosen = settings(args.settings, ExportSettings)
    seed = _seed(args.member, args.ensemble)
    model = _model_of(seed, args.models)
    potential, stored = load_model(model)
    inputs = {"model": model, "ensemble": args.ensemble, "dataset": args.dataset}
    slices = chosen.model_dump(mode="json")
    with open_dataset(args.dataset) as dataset, published(args.out, last="model.json") as folder:
        head = header("program", slices, inputs)
        _check_dataset(stored["cgpipe"], head, model, args.dataset)
        shutil.copyfile(model, folder / "model.eqx")
        body = {
            "member": args.member,
            "seed": seed,
            **_write_programs(folder, potential, chosen.export, dataset, head),
            "dataset_sha256": head["inputs"]["dataset"]["sha256"],
            "statistics": stored["statistics"],
        }
        write_json(folder / "model.json", head, body)
        samples = sample_frames(dataset, chosen.export.parity_frames)
        parities = compare(potential, load_program(folder / "model.json"), samples)
        gate = _gate(parities, chosen.export.parity_tolerance)
        write_json(folder / "parity.json", header("parity", slices, inputs), {"member": args.member, **gate})
        line = f"{args.member} (seed {seed}): relative force error {gate['max_rel_error']:.1e}"
        if not gate["passed"]:
            raise UserError(
                f"{line}, tolerance {gate['tolerance']:g} (export.parity_tolerance); nothing was exported, see "
                f"{folder / 'parity.json'}"
            )
        write_json(folder / "model.json", head, {**body, "reference": reference_frames(samples, parities)})
    print(f"{line}, {len(samples)} proteins, capacities {[entry['beads'] for entry in body['programs']]} beads")
    return 0


def _seed(member: str, ensemble: Path) -> int:
    """The seed that a member's name means; ``best`` is what the ensemble stage chose."""
    content = read_json(ensemble, "ensemble")
    known = [entry["seed"] for entry in content["members"]]
    if member == "best":
        return int(content["best_seed"])
    if member not in [f"seed-{seed}" for seed in known]:
        raise UserError(f"--member {member}: expected best or one of {', '.join(f'seed-{seed}' for seed in known)}")
    return int(member.removeprefix("seed-"))


def _model_of(seed: int, models: Sequence[Path]) -> Path:
    for model in models:
        if model.parent.name == f"seed-{seed}":
            return model
    raise UserError(f"no model of seed {seed} among --models: {', '.join(map(str, models))}")


def _check_dataset(trained: Mapping[str, Any], head: Mapping[str, Any], model: Path, dataset: Path) -> None:
    """Raise UserError unless the model was trained on this very dataset."""
    if trained["inputs"]["dataset"]["sha256"] != head["inputs"]["dataset"]["sha256"]:
        raise UserError(f"{model} was trained on another dataset than {dataset}; run the train stage again")


def _write_programs(
    folder: Path, potential: Potential, chosen: Export, dataset: Dataset, head: Mapping[str, Any]
) -> dict[str, Any]:
    """Write programs and parameters; returns their description."""
    capacities = bead_capacities(dataset.statistics["buckets"], chosen.beads)
    if chosen.neighbours:
        if chosen.neighbours < potential.neighbour_slots:
            raise UserError(
                f"export.neighbours {chosen.neighbours} is below the model's own {potential.neighbour_slots}"
            )
        potential = replace(potential, neighbour_slots=chosen.neighbours)
    programs = [export_potential(potential, beads, chosen.platforms) for beads in capacities]
    for program in programs:
        write_program(program, folder, file_stem(program, program is programs[-1]), chosen.text)
    write_parameters(folder, potential, head)
    names: Vocabulary = dataset.vocabulary
    return describe_programs(programs, names, potential, folder, ("model.eqx", "params.npz", "params.pkl"))


def bead_capacities(buckets: Sequence[int], wanted: int | Sequence[int]) -> list[int]:
    """Bead capacities to export: the padded lengths of the dataset, and those that the user wants (0: none)."""
    if isinstance(wanted, int):
        wanted = (wanted,) if wanted else ()
    if wanted and max(wanted) < max(buckets):
        raise UserError(f"export.beads {max(wanted)} is below the longest protein of the dataset, {max(buckets)} beads")
    return sorted({*buckets, *wanted})


def _gate(parities: Mapping[str, Parity], tolerance: float) -> dict[str, Any]:
    """The comparison as ``parity.json`` holds it."""
    worst = max(parity.rel_error for parity in parities.values())
    names = ("split", "frames", "capacities", "rel_error", "energy_error")
    return {
        "max_rel_error": worst,
        "tolerance": tolerance,
        "passed": worst <= tolerance,
        "proteins": {name: {key: getattr(parity, key) for key in names} for name, parity in parities.items()},
    }


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    arguments = parser("export", __doc__ or "")
    arguments.add_argument("--member", required=True, help="best, or seed-N")
    arguments.add_argument("--ensemble", required=True, type=Path, help="ensemble.json")
    arguments.add_argument("--models", required=True, type=Path, nargs="+", help="model.eqx of every seed")
    arguments.add_argument("--dataset", required=True, type=Path, help="dataset.h5, for capacities and real frames")
    arguments.add_argument("--out", required=True, type=Path, help="folder for the exported member")
    return arguments.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main))
