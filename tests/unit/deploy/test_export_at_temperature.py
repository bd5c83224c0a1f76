"""A model with temperature as an input leaves the line at one temperature: what is exported is an ordinary model."""

import dataclasses
import json
from pathlib import Path

import equinox as eqx
import pytest
from synthetic_program import chain_projection, tiny_potential, write_dataset

from cgpipe.artefact import header, read_json, write_json
from cgpipe.deploy.program import load_program
from cgpipe.errors import UserError
from cgpipe.export import main
from cgpipe.model.potential import Temperatures
from cgpipe.model.serialise import load_model, load_model_at, save_model
from cgpipe.model.temperature import at_temperature, with_entropy
from cgpipe.stage import run


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """A results folder up to the ensemble; most training frames are at 348 K."""
    folder = tmp_path_factory.mktemp("results")
    write_dataset(folder / "dataset.h5", [chain_projection(6, name="short")], split="train")
    plain = tiny_potential(8)
    network = with_entropy(plain.network)
    network = eqx.tree_at(lambda n: n.readout.weights[-1], network, replace_fn=lambda w: w.at[:, 1].set(w[::-1, 0]))
    made = dataclasses.replace(plain, network=network, temperatures=Temperatures(320.0, 340.0, 348.0))
    (folder / "seed-0").mkdir()
    head = header("model", {"seed": 0}, {"dataset": folder / "dataset.h5"})
    save_model(folder / "seed-0" / "model.eqx", made, head, {"mean_neighbours": 6.0})
    members = [{"seed": 0, "model": "seed-0/model.eqx"}]
    write_json(folder / "ensemble.json", header("ensemble", {}, {}), {"members": members, "best_seed": 0})
    return folder


def arguments(folder: Path, out: Path, kelvin: float) -> list[str]:
    return [
        *("--settings", json.dumps({"export": {"platforms": ["cpu"]}, "temperature": kelvin}), "--member", "best"),
        *("--ensemble", str(folder / "ensemble.json"), "--models", str(folder / "seed-0" / "model.eqx")),
        *("--dataset", str(folder / "dataset.h5"), "--out", str(out)),
    ]


@pytest.mark.parametrize(("asked", "kelvin"), [(330.0, 330.0), (0.0, 348.0)])
def test_export_is_the_model_at_one_temperature(trained, tmp_path, asked, kelvin):
    """The one asked for, else that of most training frames; detects a program, or a model beside it, of another one."""
    assert main(arguments(trained, tmp_path / "best", asked)) == 0
    assert read_json(tmp_path / "best" / "model.json", "program")["temperature"] == kelvin
    expected = at_temperature(load_model(trained / "seed-0" / "model.eqx")[0], kelvin)
    assert eqx.tree_equal(load_model(tmp_path / "best" / "model.eqx")[0], expected)
    program = load_program(tmp_path / "best" / "model.json")
    assert program.temperature(wanted=0.0, usual=300.0) == kelvin
    assert eqx.tree_equal(load_model_at(tmp_path / "best" / "model.eqx", kelvin), expected)
    with pytest.raises(UserError, match=r"model.eqx: labels: 325 K, but the file holds the model at 3.. K"):
        load_model_at(tmp_path / "best" / "model.eqx", 325.0, "labels")
    with pytest.raises(UserError, match=r"exported at 3.. K from a model with temperature as an input, not at 325 K"):
        program.temperature(wanted=325.0, usual=300.0)


def test_export_beyond_the_data_is_refused(trained, tmp_path, capsys):
    """Detects an entropy that is extrapolated without a word."""
    assert run(main, arguments(trained, tmp_path / "best", 400.0)) == 2
    assert "simulate.temperature: 400 K is outside of the 320 to 348 K of the frames" in capsys.readouterr().err
    assert not (tmp_path / "best" / "model.json").exists()
