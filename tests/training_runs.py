"""Inputs and command lines of the train stage: a dataset of two short chains that trains in seconds."""

import json
from pathlib import Path

import numpy as np
from model_toys import TYPES, toy_prior
from training_toys import toy_frames

from cgpipe.artefact import header, write_json
from cgpipe.data.species import vocabulary
from cgpipe.data.splits import SPLITS
from cgpipe.data.store import ProteinBeads, create_dataset

VOCABULARY_SIZE = TYPES + 1
SPLIT = np.array([SPLITS["train"]] * 8 + [SPLITS["val"]] * 3 + [SPLITS["test"]] * 3, np.int32)


def settings(**training) -> str:
    """``--settings`` of a short training of the smallest network."""
    keys = {"batch_per_device": 4, "epochs_adabelief": 12, "checkpoint_steps": 3, "adabelief": {"lr_peak": 0.01}}
    model = {"cutoff": 9.0, "allegro_size": "small", "l_max": 1, "tensor_channels": 2}
    return json.dumps({"model": model, "training": {**keys, **training}})


def write_inputs(folder: Path, chains: int = 2) -> None:
    """dataset.h5 (chains of 4 and 6 beads, or only the first) and prior.json."""
    with create_dataset(
        folder / "dataset.h5", header("dataset", {}, {}), vocabulary="classes4", cutoff=9.0, parked_at=99.0
    ) as writer:
        for number, (name, beads) in enumerate((("short", 4), ("longer", 6))[:chains]):
            frames = toy_frames(len(SPLIT), beads, seed=number, noise=0.5)
            chain = ProteinBeads(name, ("ALA",) * beads, *(x[0] for x in frames.topology[:3]), trajectories=("300/0",))
            origin = {key: getattr(frames, key) for key in ("temperature", "trajectory", "frame")}
            writer.add(chain, beads, frames.R, frames.F, {**origin, "split": SPLIT})
        writer.finish({"force_rms": 3.0, "mean_neighbours": 3.5, "neighbour_slots": 5, "neighbour_capacity": 5})
    prior = toy_prior(VOCABULARY_SIZE).to_json() | {"types": list(vocabulary("classes4").types)}
    write_json(folder / "prior.json", header("prior", {}, {}), {"prior": prior})


def arguments(data: Path, out: Path, seed: int = 0, chosen: str | None = None) -> list[str]:
    """The stage's command line for the inputs in ``data``."""
    return [
        *("--settings", chosen or settings(), "--seed", str(seed)),
        *("--dataset", str(data / "dataset.h5"), "--prior", str(data / "prior.json")),
        *("--out", str(out / "model.eqx"), "--metrics", str(out / "metrics.jsonl")),
        *("--checkpoints", str(out / "checkpoint")),
    ]


def lines_of(folder: Path) -> list[dict]:
    """The lines of the metrics file in a folder."""
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
