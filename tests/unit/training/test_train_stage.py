"""The train and ensemble stages on a dataset of two short chains: files, refusals, and a real kill -9."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from model_toys import toy_prior
from training_runs import VOCABULARY_SIZE, arguments, lines_of, settings, write_inputs
from training_toys import same_bits

from cgpipe import train as stage
from cgpipe.artefact import read_json
from cgpipe.data.store import open_dataset
from cgpipe.ensemble import main as ensemble
from cgpipe.errors import UserError
from cgpipe.maker import maker
from cgpipe.model.serialise import load_model
from cgpipe.train import main as train
from cgpipe.training import pretrain
from cgpipe.training.loop import TrainingData


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_inputs(folder)
    return folder


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("seed-0")
    assert train(arguments(data, folder)) == 0
    return folder


def test_model_and_metrics(data, trained):
    """The model carries what the training set determined and the prior's bits; metrics end with held-out numbers."""
    model, line = load_model(trained / "model.eqx")
    assert line["statistics"]["vocabulary"] == "classes4"
    assert line["cgpipe"]["settings"]["seed"] == 0
    assert model.network.settings.mean_neighbours == 3.5
    assert model.network.settings.energy_scale == 3.0
    assert same_bits(model.prior, toy_prior(VOCABULARY_SIZE))
    first, *epochs, final = lines_of(trained)
    assert first["header"]["kind"] == "metrics"
    assert [epoch["epoch"] for epoch in epochs] == list(range(13))
    assert final["final"]
    assert final["val_mse"] == pytest.approx(min(epoch["val_mse"] for epoch in epochs), rel=1e-5)
    for key in ("test_r2_by_protein", "test_prior_r2_by_protein"):
        assert set(final[key]) == {"short", "longer"}


def test_kill_9_and_resume_give_the_same_model(data, trained, tmp_path):
    """A process killed without warning after a checkpoint, its outputs deleted, then started again: the same bits."""
    command = [sys.executable, "-m", "cgpipe.train", *arguments(data, tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    while process.poll() is None and not list(tmp_path.glob("checkpoint/*/step-*")):
        time.sleep(0.01)
    process.kill()
    _, messages = process.communicate()
    assert process.returncode == -signal.SIGKILL, messages.decode()
    (tmp_path / "metrics.jsonl").unlink(missing_ok=True)
    assert not (tmp_path / "model.eqx").exists()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "resuming at step" in done.stderr
    assert same_bits(load_model(tmp_path / "model.eqx")[0], load_model(trained / "model.eqx")[0])
    without_clock = [
        [
            {key: value for key, value in line.items() if key not in ("frames_per_s", "waiting", "header")}
            for line in lines_of(folder)
        ]
        for folder in (tmp_path, trained)
    ]
    assert without_clock[0] == without_clock[1]


def test_other_settings_do_not_resume(data, trained, tmp_path, capsys):
    """Another learning rate in the same folder begins at step 0, and says so."""
    (tmp_path / "checkpoint").symlink_to(trained / "checkpoint")
    train(arguments(data, tmp_path, chosen=settings(epochs_adabelief=1)))
    assert "starting anew" in capsys.readouterr().err
    assert lines_of(tmp_path)[1]["step"] == 0


def test_a_training_that_is_taken_up_names_both_commits(data, trained, tmp_path, monkeypatch):
    """After an update that changed no code that matters; detects a header with the last commit alone."""
    shutil.copytree(trained / "checkpoint", tmp_path / "checkpoint")
    by = maker("train")
    monkeypatch.setattr(stage, "maker", lambda _: {**by, "commit": "later"})
    train(arguments(data, tmp_path))
    head, before = (load_model(folder / "model.eqx")[1]["cgpipe"] for folder in (tmp_path, trained))
    assert head["commit"] == "later"
    assert head["earlier_makers"] == [dict(by)]
    assert "earlier_makers" not in before
    assert before["code"] == head["code"]


def test_inputs_that_do_not_belong_together_are_refused(data, tmp_path):
    """A dataset of another cutoff, or a prior of other types, is named before any work."""
    other = settings().replace('"cutoff": 9.0', '"cutoff": 8.0')
    with pytest.raises(UserError, match=r"cutoff of 9\.0 Å, model\.cutoff is 8\.0"):
        train(arguments(data, tmp_path, chosen=other))
    strange = tmp_path / "prior.json"
    strange.write_text((data / "prior.json").read_text().replace("hydrophobic", "greasy"))
    with pytest.raises(UserError, match="not for the dataset's vocabulary 'classes4'"):
        train([*arguments(data, tmp_path), "--prior", str(strange)])


def test_pretrained_prior_is_reported_saved_and_kept(data, tmp_path, monkeypatch):
    """With pretrain_prior the model's prior is the fitted one, and the metrics say how the fit went; a training that is
    taken up takes the fit up too."""
    chosen = settings(epochs_adabelief=1, pretrain_prior=True, pretrain_steps=3)
    train(arguments(data, tmp_path, chosen=chosen))
    written = [(tmp_path / name).read_bytes() for name in ("model.eqx", "last.eqx")]
    report = lines_of(tmp_path)[1]["pretrain"]
    assert report["mse_after"] < report["mse_before"]
    prior = load_model(tmp_path / "model.eqx")[0].prior
    assert prior.to_json() == report["prior"]
    assert not same_bits(prior.bond_k, toy_prior(VOCABULARY_SIZE).bond_k)
    monkeypatch.setattr(pretrain, "pretrain", lambda *_: pytest.fail("fitted again"))
    train(arguments(data, tmp_path, chosen=chosen))
    assert [(tmp_path / name).read_bytes() for name in ("model.eqx", "last.eqx")] == written
    assert lines_of(tmp_path)[1]["pretrain"] == report


def test_balance_reaches_the_training(data):
    """Catches weights per protein that are made and not used: eight frames of each protein share its weight."""
    with open_dataset(data / "dataset.h5") as dataset:
        weights = [TrainingData.of(dataset, balance).weights for balance in ("frames", "proteins")]
    assert weights == [(1.0, 1.0), (1 / 8, 1 / 8)]


BY_FORCE = ["--settings", json.dumps({"contest": None})]


def test_ensemble_chooses_by_validation(data, trained, tmp_path):
    """The best seed has the lowest validation error; mean and spread are those of the members."""
    metrics, models = [trained / "metrics.jsonl"], [trained / "model.eqx"]
    worse = tmp_path / "seed-1"
    worse.mkdir()
    copy = [json.loads(line) for line in metrics[0].read_text().splitlines()]
    copy[0]["header"]["settings"]["seed"] = 1
    copy[-1]["val_mse"] += 2.0
    (worse / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in copy))
    head, weights = models[0].read_bytes().split(b"\n", 1)
    (worse / "model.eqx").write_bytes(head.replace(b'"seed": 0', b'"seed": 1') + b"\n" + weights)
    metrics.insert(0, worse / "metrics.jsonl")
    models.insert(0, worse / "model.eqx")
    out = tmp_path / "ensemble.json"
    files = [*BY_FORCE, "--dataset", str(data / "dataset.h5"), "--out", str(out)]
    assert ensemble([*("--metrics", *map(str, metrics)), *("--models", *map(str, models)), *files]) == 0
    found = read_json(out, "ensemble")
    assert found["best_seed"] == 0
    assert [member["seed"] for member in found["members"]] == [1, 0]
    assert found["val_mse_mean"] == pytest.approx(found["members"][1]["val_mse"] + 1.0)
    assert found["val_mse_std"] == pytest.approx(2.0**0.5)
    assert max(found["force_spread"].values()) < 1e-5  # the weights are the same
    models.reverse()
    with pytest.raises(UserError, match="give both in the same order"):
        ensemble([*("--metrics", *map(str, metrics)), *("--models", *map(str, models)), *files])


def test_unfinished_training_is_refused(data, trained, tmp_path):
    """Catches an ensemble of models that are not done."""
    lines = (trained / "metrics.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "metrics.jsonl").write_text("".join(lines[:-1]))
    with pytest.raises(UserError, match="seed 0 has not finished"):
        files = [*BY_FORCE, "--dataset", str(data / "dataset.h5"), "--out", "x.json"]
        ensemble(["--metrics", str(tmp_path / "metrics.jsonl"), "--models", str(trained / "model.eqx"), *files])
