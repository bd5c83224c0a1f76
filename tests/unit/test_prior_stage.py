"""The stage as it is called: files in, files out, exit codes. Cannot detect a poor fit: the data are a random chain."""

import json

import jax
import numpy as np
import pytest
from matplotlib.image import imread

import cgpipe.prior as stage
from cgpipe.artefact import header, read_json
from cgpipe.config.models import Prior as PriorSection
from cgpipe.data.species import vocabulary
from cgpipe.data.splits import SPLITS
from cgpipe.data.store import ProteinBeads, create_dataset
from cgpipe.physics.prior import read_prior
from cgpipe.stage import run

RESIDUES = ("ALA", "GLY", "TRP", "LYS", "SER", "ASP", "PRO")


def _chain(frames, seed):
    """Zigzag chains with thermal noise: angles near 110°, all kinds of dihedrals, each tenth proline cis."""
    rng = np.random.default_rng(seed)
    steps = np.zeros((frames, len(RESIDUES), 3))
    direction = np.broadcast_to([1.0, 0.0, 0.0], (frames, 3))
    for i in range(1, len(RESIDUES)):
        across = np.cross(direction, rng.normal(size=(frames, 3)))
        across /= np.linalg.norm(across, axis=1, keepdims=True)
        bend = np.radians(rng.normal(70, 10, (frames, 1)))
        direction = np.cos(bend) * direction + np.sin(bend) * across
        length = rng.normal(3.87, 0.06, (frames, 1))
        if RESIDUES[i] == "PRO":
            length[::10] -= 0.92
        steps[:, i] = length * direction
    return np.cumsum(steps, axis=1).astype(np.float32)


def _dataset(path, splits, kelvin=(320.0,)):
    """A dataset with one protein per list of sets, 60 frames each, at these temperatures in turn."""
    with create_dataset(path, header("dataset", {}, {}), vocabulary="residues", cutoff=12.0, parked_at=0.95) as writer:
        words = vocabulary("residues")
        species = np.asarray([words.species(name) for name in RESIDUES], np.int32)
        rows = np.arange(len(RESIDUES), dtype=np.int32)
        for number, sets in enumerate(splits):
            beads = ProteinBeads(f"p{number}", RESIDUES, species, 0 * rows, rows, ("320/0",))
            R = _chain(60, number)
            per_frame = {
                "temperature": np.resize(np.asarray(kelvin, np.float32), 60),
                "trajectory": np.zeros(60, np.int32),
                "frame": np.arange(60, dtype=np.int32),
                "split": np.asarray([SPLITS[sets[i * len(sets) // 60]] for i in range(60)], np.int8),
            }
            writer.add(beads, 8, R, np.random.default_rng(number).normal(size=R.shape).astype(np.float32), per_frame)
        writer.finish({})


def _call(folder, **more):
    settings = json.dumps({"prior": PriorSection().model_dump(), "cutoff": 12.0, **more})
    files = [f"--{name}={folder / file}" for name, file in (("dataset", "dataset.h5"), ("out", "prior.json"))]
    return run(stage.main, ["--settings", settings, *files, f"--figure={folder / 'prior.png'}"])


def test_numbers_are_of_frames_at_every_temperature(tmp_path):
    """Detects frames, and shares of cis bonds, counted at the commonest temperature only."""
    _dataset(tmp_path / "dataset.h5", [["train"]], kelvin=(320.0, 348.0, 348.0))
    assert _call(tmp_path, temperature="input") == 0
    quality = read_json(tmp_path / "prior.json", "prior")["quality"]
    assert quality["training_frames"] == 60 and quality["temperature"] == 348.0
    assert list(quality["cis_bonds"].values()) == [pytest.approx(6 / 60)]


def test_files_and_numbers(tmp_path, capsys):
    """Detects missing files or keys, an unreadable prior, a held-out protein leaking into the fit or left out, and cis
    bonds that are fitted together with trans ones."""
    _dataset(tmp_path / "dataset.h5", [["train", "train", "val"], ["test"]])
    assert _call(tmp_path) == 0
    content = read_json(tmp_path / "prior.json", "prior")
    assert content["quality"]["training_frames"] == 40
    assert content["cgpipe"]["inputs"]["dataset"]["sha256"]
    for name in ("p0", "p1"):
        numbers = content["quality"]["proteins"][name]
        assert {"force_r2", "force_r2_of_term", "js_bond", "js_angle", "js_dihedral", "max_bond_deviation"} <= set(
            numbers
        )
    assert content["quality"]["proteins"]["p1"]["heldout_frames"] == 60
    prior = read_prior(tmp_path / "prior.json")
    assert prior.types == vocabulary("residues").types and prior.cutoff == 12.0
    assert float(prior.bond_k[0, 0]) > 100.0
    assert content["quality"]["cis_bonds"] == {"ASP-PRO": pytest.approx(0.1)}
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(prior))
    assert imread(tmp_path / "prior.png").std() > 0.05
    printed = capsys.readouterr().out
    assert "p0: force_r2" in printed and "the share of their frames in it: ASP-PRO 10.00%" in printed


@pytest.mark.parametrize(
    ("splits", "message"),
    [([["test"]], "no training frames"), ([["train"], ["gap"]], "p1: no frames in the dataset's train and test sets")],
)
def test_data_that_cannot_be_used(tmp_path, capsys, splits, message):
    """Detects a traceback or a silent success where the user must act."""
    _dataset(tmp_path / "dataset.h5", splits)
    assert _call(tmp_path) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "prior.json").exists()
