"""The line from all-atom frames to a model, stage by stage, on the molecule of ``chain``."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import chain
import numpy as np

from cgpipe import dataset, train
from cgpipe.artefact import header, write_json
from cgpipe.data.projection import Projection, write_projection
from cgpipe.data.store import open_dataset
from cgpipe.data.topology import Topology
from cgpipe.model.potential import Potential
from cgpipe.model.serialise import load_model
from cgpipe.physics.prior import Weights, read_prior
from cgpipe.physics.prior.fit import FitOptions, fit_prior
from cgpipe.physics.prior.observed import Observed
from cgpipe.physics.projector import Choices, project
from cgpipe.training.pretrain import pretrain
from cgpipe.validation.predictions import model_forces

CUTOFF = 12.0
GLYCINE = 7
TOPOLOGY = Topology(
    np.full(chain.BEADS, GLYCINE, np.int32),
    np.zeros(chain.BEADS, np.int32),
    np.arange(chain.BEADS, dtype=np.int32),
    np.ones(chain.BEADS, bool),
)


@cache
def projected(frames: int, seed: int, force_map: str = "optimal") -> tuple[Projection, np.ndarray]:
    """Projection of so many frames, and the exact mean forces at them."""
    molecule = chain.sample(frames, seed)
    return project("oracle", molecule, Choices(map=force_map, constraints="none")), molecule.mean


def write_dataset(folder: Path, frames: int, seed: int, mean_forces: Path | None = None) -> Path:
    """The stages ``project`` (without its file reader) and ``dataset``, with mean forces to train on or without."""
    write_projection(folder / "oracle.h5", projected(frames, seed)[0], header("projection", {}, {}))
    settings = {
        "dataset": {"split": "blocks", "block_frames": 10, "gap_frames": 0, "npz": False, "test_fraction": 0.0},
        "vocabulary": "residues",
        "val_fraction": 0.1,
        "cutoff": CUTOFF,
        "families": {"oracle": "oracle"},
    }
    files = ["--projections", str(folder / "oracle.h5"), "--out", str(folder / "dataset.h5")]
    files += [] if mean_forces is None else ["--mean-force-train", "oracle", str(mean_forces)]
    dataset.main(["--settings", json.dumps(settings), *files, "--summary", str(folder / "dataset.json")])
    return folder / "dataset.h5"


def write_mean_forces(path: Path, configurations: int, samples: int, seed: int) -> Path:
    """Means of so many samples of the optimally projected force at fixed beads, with the errors that they have."""
    molecule, noise, deviation = chain.averaged(configurations, samples, seed)
    np.savez(
        path,
        R=molecule.R[:, 1::3],
        F_opt=molecule.mean + noise,
        se_opt=deviation / np.sqrt(samples),
        sd_opt=deviation,
        temperature=np.full(configurations, chain.TEMPERATURE),
        resname=np.array(["GLY"] * chain.BEADS),
    )
    return path


def write_prior(folder: Path) -> Path:
    """What the stage ``prior`` fits and writes, without its dynamics; these beads do not repel each other."""
    with open_dataset(folder / "dataset.h5") as opened:
        observed = Observed(len(opened.vocabulary), CUTOFF)
        for frames in opened.load("train"):
            observed.add(frames.R, frames.topology, frames.temperature)
        weights, options = Weights(repulsion=0.0, excluded=0.0), FitOptions(dihedral_terms=1)
        prior = fit_prior(observed, opened.vocabulary.types, CUTOFF, weights, options)
    write_json(folder / "prior.json", header("prior", {}, {}), {"prior": prior.to_json(), "quality": {}})
    return folder / "prior.json"


def force_matched(folder: Path) -> Potential:
    """The prior fitted to the forces of the training frames, as the stage ``train`` does it first."""
    start = Potential(read_prior(folder / "prior.json"), None, CUTOFF, chain.BEADS - 1)
    with open_dataset(folder / "dataset.h5") as opened:
        train, validation = opened.stored("train", "mean_force"), opened.stored("val")
        fitted = pretrain(start, train, validation, frames=20000, steps=60, tolerance=1e-4)
    return Potential(fitted.prior, None, CUTOFF, chain.BEADS - 1)


def trained(folder: Path, epochs: int, **changes: Any) -> Potential:
    """The stage ``train``: prior and a small network."""
    model = {"cutoff": CUTOFF, "allegro_size": "small", "l_max": 1, "tensor_channels": 8, **changes}
    settings = {"model": model, "training": {"epochs_adabelief": epochs, "batch_per_device": 32}}
    files = {"dataset": "dataset.h5", "prior": "prior.json", "out": "model.eqx", "metrics": "metrics.jsonl"}
    flat = [part for flag, name in files.items() for part in (f"--{flag}", str(folder / name))]
    flat += ["--checkpoints", str(folder / "checkpoint"), "--seed", "0"]
    train.main(["--settings", json.dumps(settings), *flat])
    return load_model(folder / "model.eqx")[0]


def relative_error(model: Potential) -> float:
    """‖model − mean force‖ / ‖mean force‖ on configurations that nothing was fitted to."""
    fresh = chain.sample(500, seed=99)
    R = fresh.R[:, 1::3].astype(np.float32)
    return float(np.linalg.norm(model_forces(model, R, TOPOLOGY, "oracle") - fresh.mean) / np.linalg.norm(fresh.mean))
