"""The train stage with temperature as an input, on a chain of frames at two temperatures; says nothing of accuracy."""

import dataclasses
import json
from pathlib import Path

import h5py
import jax.numpy as jnp
import numpy as np
import pytest
from model_toys import toy_prior
from training_runs import VOCABULARY_SIZE, arguments, lines_of, settings, write_inputs

from cgpipe.artefact import header, write_json
from cgpipe.data.species import vocabulary
from cgpipe.data.store import open_dataset
from cgpipe.errors import UserError
from cgpipe.model.potential import Temperatures
from cgpipe.model.serialise import load_model, load_model_at
from cgpipe.physics.prior import ThermalPrior
from cgpipe.train import main as train


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Frames at 300 K and, every fourth, at 400 K; the prior's bonds are stiffer when hot."""
    folder = tmp_path_factory.mktemp("data")
    write_inputs(folder, chains=1)
    with h5py.File(folder / "dataset.h5", "r+") as file:
        kelvin = file["buckets/4/temperature"]
        kelvin[...] = np.where(np.arange(len(kelvin)) % 4 == 0, 400.0, 300.0)
    cold = dataclasses.replace(toy_prior(VOCABULARY_SIZE), types=vocabulary("classes4").types)
    line = ThermalPrior(cold, dataclasses.replace(cold, bond_k=1.2 * cold.bond_k), (300.0, 400.0))
    write_json(folder / "thermal.json", header("prior", {}, {}), {"prior": line.to_json()})
    return folder


def as_input(data: Path, out: Path, prior: str) -> list[str]:
    chosen = json.loads(settings(epochs_adabelief=3))
    chosen["model"]["temperature"] = "input"
    files = arguments(data, out, chosen=json.dumps(chosen))
    files[files.index("--prior") + 1] = str(data / prior)
    return files


def test_one_model_of_two_temperatures(data, tmp_path):
    """Its T₀ is the frames' mean, its energies on them are at most 0 at every temperature, and R² comes by temperature.

    Detects frames that lose their temperature on the way, and a ceiling of one temperature only.
    """
    assert train(as_input(data, tmp_path, "thermal.json")) == 0
    model, _ = load_model(tmp_path / "model.eqx")
    assert model.temperatures == Temperatures(300.0, 325.0, 400.0)
    assert np.abs(model.network.readout.weights[-1][:, 1]).max() > 0
    with open_dataset(data / "dataset.h5") as dataset:
        frames = dataset.load("train")[0]
    topology = type(frames.topology)(*map(jnp.asarray, frames.topology))
    for kelvin in (300.0, 355.0, 400.0):
        network = dataclasses.replace(load_model_at(tmp_path / "model.eqx", kelvin), prior=None)
        assert network.frame_energies(jnp.asarray(frames.R), topology)[0].max() <= 1e-4
    final = lines_of(tmp_path)[-1]
    for name in ("val_r2_by_temperature", "test_r2_by_temperature"):
        assert set(final[name]) == {"300", "400"}


def test_a_prior_of_one_temperature_is_refused(data, tmp_path):
    """Detects a prior of an earlier configuration that is taken for one of every temperature."""
    with pytest.raises(UserError, match=r"the prior is not for model.temperature input; rerun its stage"):
        train(as_input(data, tmp_path, "prior.json"))
