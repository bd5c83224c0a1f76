"""Stage ``export``: one member, or all together, as StableHLO programs that are proven on real frames."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cgpipe.artefact import header, read_json, write_json
from cgpipe.config.models import Export
from cgpipe.config.slices import ExportSettings
from cgpipe.data.store import Dataset, open_dataset
from cgpipe.deploy.bundle import Layout, model_files, write_bundle
from cgpipe.deploy.metadata import reference_frames
from cgpipe.deploy.parity import compare, judged, sample_frames
from cgpipe.deploy.program import load_program
from cgpipe.deploy.publish import published
from cgpipe.errors import UserError
from cgpipe.maker import maker
from cgpipe.model.potential import Potential
from cgpipe.model.serialise import load_model
from cgpipe.stage import parser, run, settings


def main(argv: Sequence[str]) -> int:
    """Export, compare with the model, and publish only what passed."""
    args = _arguments(argv)
    chosen = settings(args.settings, ExportSettings)
    seeds = _seeds(args.member, args.ensemble)
    models = [_model_of(seed, args.models) for seed in seeds]
    trained = [load_model(model) for model in models]
    inputs = dict(zip(_names("model", seeds), models, strict=True))
    inputs |= {"ensemble": args.ensemble, "dataset": args.dataset}
    slices = chosen.model_dump(mode="json")
    with open_dataset(args.dataset) as dataset, published(args.out, last="model.json") as folder:
        head = header("program", slices, inputs, by=maker("export"))
        for (_, stored), path in zip(trained, models, strict=True):
            _check_dataset(stored["cgpipe"], head, path, args.dataset)
        layout = _layout(chosen.export, dataset, trained[0][0])
        if trained[0][0].temperatures is not None:
            layout = layout._replace(temperature=chosen.temperature or usual_temperature(dataset))
        files = dict(zip(model_files(seeds), models, strict=True))
        model, described = write_bundle(folder, files, layout, dataset.vocabulary, head)
        body = {
            "member": args.member,
            "seeds": seeds,
            **described,
            "dataset_sha256": head["inputs"]["dataset"]["sha256"],
            "statistics": trained[0][1]["statistics"],
        }
        if layout.temperature:
            body["temperature"] = layout.temperature
        write_json(folder / "model.json", head, body)
        samples = sample_frames(dataset, chosen.export.parity_frames)
        parities = compare(model, load_program(folder / "model.json"), samples)
        gate = judged(parities, chosen.export.parity_tolerance)
        write_json(folder / "parity.json", head | {"kind": "parity"}, {"member": args.member, **gate})
        line = f"{args.member} (seed {', '.join(map(str, seeds))}): relative force error {gate['max_rel_error']:.1e}"
        if not gate["passed"]:
            raise UserError(
                f"{line}, tolerance {gate['tolerance']:g} (export.parity_tolerance); nothing was exported, see "
                f"{folder / 'parity.json'}"
            )
        write_json(folder / "model.json", head, {**body, "reference": reference_frames(samples, parities)})
    print(f"{line}, {len(samples)} proteins, capacities {[entry['beads'] for entry in body['programs']]} beads")
    return 0


def _seeds(member: str, ensemble: Path) -> list[int]:
    """The seeds that a member's name means: ``best`` is what the ensemble stage chose, ``ensemble`` are all."""
    content = read_json(ensemble, "ensemble")
    known = [entry["seed"] for entry in content["members"]]
    if member == "best":
        return [int(content["best_seed"])]
    if member == "ensemble":
        if len(known) < 2:
            raise UserError("--member ensemble: there is only one model; train more (ensemble.n_models) or export best")
        return sorted(known)
    if member not in [f"seed-{seed}" for seed in known]:
        names = ", ".join(f"seed-{seed}" for seed in known)
        raise UserError(f"--member {member}: expected best, ensemble or one of {names}")
    return [int(member.removeprefix("seed-"))]


def _names(kind: str, seeds: Sequence[int]) -> list[str]:
    return [kind] if len(seeds) == 1 else [f"{kind}-{seed}" for seed in seeds]


def _model_of(seed: int, models: Sequence[Path]) -> Path:
    for model in models:
        if model.parent.name == f"seed-{seed}":
            return model
    raise UserError(f"no model of seed {seed} among --models: {', '.join(map(str, models))}")


def _check_dataset(trained: Mapping[str, Any], head: Mapping[str, Any], model: Path, dataset: Path) -> None:
    """Raise UserError unless the model was trained on this very dataset."""
    if trained["inputs"]["dataset"]["sha256"] != head["inputs"]["dataset"]["sha256"]:
        raise UserError(f"{model} was trained on another dataset than {dataset}; run the train stage again")


def _layout(chosen: Export, dataset: Dataset, potential: Potential) -> Layout:
    """The programs that the settings ask for."""
    if 0 < chosen.neighbours < potential.neighbour_slots:
        raise UserError(f"export.neighbours {chosen.neighbours} is below the model's own {potential.neighbour_slots}")
    beads = bead_capacities(dataset.statistics["buckets"], chosen.beads)
    return Layout(beads, chosen.neighbours, chosen.platforms, chosen.text)


def usual_temperature(dataset: Dataset) -> float:
    """The temperature [K] of most training frames, the lowest of equals."""
    kelvin, frames = np.unique(
        np.concatenate([source.temperature for source in dataset.stored("train")]), return_counts=True
    )
    return float(kelvin[np.argmax(frames)])


def bead_capacities(buckets: Sequence[int], wanted: int | Sequence[int]) -> list[int]:
    """Bead capacities to export: the padded lengths of the dataset, and those that the user wants (0: none)."""
    if isinstance(wanted, int):
        wanted = (wanted,) if wanted else ()
    if wanted and max(wanted) < max(buckets):
        raise UserError(f"export.beads {max(wanted)} is below the longest protein of the dataset, {max(buckets)} beads")
    return sorted({*buckets, *wanted})


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    arguments = parser("export", __doc__ or "")
    arguments.add_argument("--member", required=True, help="best, seed-N, or ensemble: all of them as one program")
    arguments.add_argument("--ensemble", required=True, type=Path, help="ensemble.json")
    arguments.add_argument("--models", required=True, type=Path, nargs="+", help="model.eqx of every seed")
    arguments.add_argument("--dataset", required=True, type=Path, help="dataset.h5, for capacities and real frames")
    arguments.add_argument("--out", required=True, type=Path, help="folder for the exported member")
    return arguments.parse_args(argv)


if __name__ == "__main__":
    sys.exit(run(main))
