"""One model with temperature as an input against a model of each temperature, on the same frames and sets.

Takes a dataset of frames at several temperatures (``model.temperature: input``), divided by blocks where a temperature
has one run only, so that each has test and validation frames. Models of one temperature are trained
on a copy in which the frames of all others are set aside. Prints a Markdown table: R² of the forces on the test frames
of each temperature. Finished trainings are kept in ``--folder`` and not repeated. Example::

    python benchmarks/temperature.py --dataset results/two/dataset/dataset.h5 --folder results/temperature --seeds 0 1
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import h5py
import numpy as np

from cgpipe.artefact import header, write_json
from cgpipe.config.models import Config
from cgpipe.config.proteins import Proteins
from cgpipe.config.slices import settings_json
from cgpipe.data.splits import SPLITS
from cgpipe.data.store import Dataset, open_dataset
from cgpipe.physics.prior import Weights
from cgpipe.physics.prior.fit import FitOptions, fit_prior, fit_thermal_prior
from cgpipe.physics.prior.observed import Observed, merged

SMALL = {"allegro_size": "small", "l_max": 1, "tensor_channels": 16}


def main() -> None:
    """Train all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=8)
    arguments = parser.parse_args()
    with open_dataset(arguments.dataset) as dataset:
        frames = {split: _counts(dataset, split) for split in ("train", "test")}
    print("| temperature | training frames | test frames | one model | its prior | a model of its own | its prior |")
    print("|---|---|---|---|---|---|---|")
    together = _finals(arguments, None)
    for kelvin, count in frames["train"].items():
        own = _finals(arguments, kelvin)
        cells = [fmean(one[f"{name}_r2_by_temperature"][kelvin] for one in together) for name in ("test", "test_prior")]
        cells += [fmean(one[f"{name}_r2"] for one in own) for name in ("test", "test_prior")]
        numbers = " | ".join(f"{cell:.4f}" for cell in cells)
        print(f"| {kelvin} K | {count} | {frames['test'].get(kelvin, 0)} | {numbers} |", flush=True)


def _counts(dataset: Dataset, split: str) -> dict[str, int]:
    values = np.concatenate([source.temperature for source in dataset.stored(split)])
    return {f"{kelvin:g}": int(count) for kelvin, count in zip(*np.unique(values, return_counts=True), strict=True)}


def _finals(arguments: argparse.Namespace, kelvin: str | None) -> list[dict[str, Any]]:
    """The last line of the metrics of every seed: of one temperature [K], or of all as an input."""
    folder = arguments.folder / (kelvin or "input")
    folder.mkdir(parents=True, exist_ok=True)
    model = {**SMALL, "temperature": "single" if kelvin else "input"}
    training = {"epochs_adabelief": arguments.epochs}
    config = Config.model_validate({"model": model, "training": training})
    if not (folder / "prior.json").exists():
        _prepare(arguments.dataset, folder, config, kelvin)
    found = []
    for seed in arguments.seeds:
        files = {"dataset": folder / "dataset.h5", "prior": folder / "prior.json", "out": folder / f"{seed}/model.eqx"}
        files |= {"metrics": folder / f"{seed}/metrics.jsonl", "checkpoints": folder / f"{seed}/checkpoint"}
        (folder / str(seed)).mkdir(exist_ok=True)
        flags = [part for name, file in files.items() for part in (f"--{name}", str(file))]
        settings = settings_json(config, Proteins.model_construct(proteins={}), "train")  # training looks at none
        if not (folder / f"{seed}/model.eqx").exists():
            command = [sys.executable, "-m", "cgpipe.train", "--settings", settings, "--seed", str(seed), *flags]
            subprocess.run(command, check=True)
        found.append(json.loads((folder / f"{seed}/metrics.jsonl").read_text().splitlines()[-1]))
    return found


def _prepare(dataset: Path, folder: Path, config: Config, kelvin: str | None) -> None:
    """Dataset and prior, the latter without its dynamics."""
    shutil.copyfile(dataset, folder / "dataset.h5")
    if kelvin:
        with h5py.File(folder / "dataset.h5", "r+") as file:
            for bucket in file["buckets"].values():
                others = bucket["temperature"][()] != np.float32(kelvin)
                bucket["split"][...] = np.where(others, SPLITS["gap"], bucket["split"][()])
    options = FitOptions(**config.prior.model_dump(exclude={"weights"}))
    with open_dataset(folder / "dataset.h5") as opened:
        types, seen = opened.vocabulary.types, {}
        for frames in opened.load("train"):
            for one in np.unique(frames.temperature).tolist():
                rows = frames.temperature == np.float32(one)
                topology = type(frames.topology)(*(field[rows] for field in frames.topology))
                observed = Observed(len(types), config.model.cutoff)
                seen.setdefault(one, []).append(observed.add(frames.R[rows], topology, frames.temperature[rows]))
    by_temperature = {one: merged(parts) for one, parts in seen.items()}
    how = types, config.model.cutoff, Weights(), options
    prior = fit_prior(by_temperature[float(kelvin)], *how) if kelvin else fit_thermal_prior(by_temperature, *how)
    write_json(folder / "prior.json", header("prior", {}, {}), {"prior": prior.to_json(), "quality": {}})


if __name__ == "__main__":
    main()
