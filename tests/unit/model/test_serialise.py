"""Model files: the same bits back, and clear refusals; files of every format that was ever written are in formats/."""

import dataclasses
import json
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from model_toys import chain_positions, chain_topology, evaluate, toy_potential

from cgpipe.artefact import header, read_header
from cgpipe.errors import UserError
from cgpipe.model.potential import Potential
from cgpipe.model.serialise import FORMAT, load_model, save_model
from cgpipe.model.temperature import at_temperature

FORMATS = Path(__file__).with_name("formats")
HEAD = header("model", {"seed": 3}, {})


def assert_same(first: Potential, second: Potential):
    assert jax.tree.structure(first) == jax.tree.structure(second)
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("which", ["both", "network", "prior"])
def test_saved_and_loaded_is_the_same(tmp_path, which):
    """Catches lost leaves, static fields and precision: every leaf bit-equal, structure equal."""
    potential = toy_potential()
    if which != "both":
        potential = eqx.tree_at(lambda p: p.prior if which == "network" else p.network, potential, None)
    save_model(tmp_path / "model.eqx", potential, HEAD, {"vocabulary": "residues"})
    loaded, line = load_model(tmp_path / "model.eqx")
    assert_same(potential, loaded)
    assert line["statistics"] == {"vocabulary": "residues"}
    assert read_header(tmp_path / "model.eqx") == HEAD


def test_prior_that_training_moved_comes_back(tmp_path):
    """Catches a prior taken from the prior stage's file instead of the model's leaves; energies agree bit for bit."""
    potential = eqx.tree_at(lambda p: p.prior.bond_k, toy_potential(), replace_fn=lambda k: k * 1.2345678)
    save_model(tmp_path / "model.eqx", potential, HEAD, {})
    loaded, _ = load_model(tmp_path / "model.eqx")
    assert_same(potential, loaded)
    found = [evaluate(p, chain_positions(5), chain_topology(5)) for p in (potential, loaded)]
    np.testing.assert_array_equal(found[0].forces, found[1].forces)


def test_damaged_files_are_refused(tmp_path):
    """Catches tracebacks in place of a sentence: missing, foreign, other kind, truncated."""
    path = tmp_path / "model.eqx"
    with pytest.raises(UserError, match="no such model"):
        load_model(path)
    path.write_bytes(b"\x89HDF\r\n")
    with pytest.raises(UserError, match="not a model file"):
        load_model(path)
    path.write_text('{"cgpipe": {"kind": "dataset"}}\n')
    with pytest.raises(UserError, match="expected a 'model' file"):
        load_model(path)
    save_model(path, toy_potential(), HEAD, {})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UserError, match="truncated or damaged"):
        load_model(path)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_file_of_every_format_keeps_its_energies(number):
    """Catches a change of network or file layout without a new format: each file holds the energies of its day."""
    loaded, line = load_model(FORMATS / f"format-{number}.eqx")
    assert loaded.network.settings.symmetry == ("o3" if number == 1 else "so3")
    loaded = at_temperature(loaded, line["statistics"].get("kelvin", 0.0))  # format 4 knows of temperature
    found = evaluate(loaded, chain_positions(8), chain_topology(8))
    assert found.needed <= loaded.neighbour_slots
    np.testing.assert_allclose(found.bead_energies, line["statistics"]["bead_energies"], rtol=1e-4, atol=1e-5)


def test_the_ceiling_travels(tmp_path):
    """Catches a file that loses what leaving the data costs, or mixes it up with a weight."""
    ceiling = jnp.arange(4, dtype=jnp.float32)
    made = dataclasses.replace(toy_potential(), ceiling=ceiling)
    save_model(tmp_path / "model.eqx", made, HEAD, {})
    assert_same(made, load_model(tmp_path / "model.eqx")[0])


def test_model_of_an_older_format_is_saved_in_the_present_one(tmp_path):
    """Catches weights that only look converted: saved and loaded again, the model is the same to the last bit."""
    loaded, _ = load_model(FORMATS / "format-1.eqx")
    save_model(tmp_path / "model.eqx", loaded, HEAD, {})
    again, line = load_model(tmp_path / "model.eqx")
    assert line["model"]["format"] == FORMAT
    assert_same(loaded, again)


def test_file_of_a_newer_format_is_refused(tmp_path):
    """Catches weights that are read into a network they do not belong to."""
    line, _, leaves = (FORMATS / "format-2.eqx").read_bytes().partition(b"\n")
    content = json.loads(line)
    content["model"]["format"] = FORMAT + 1
    (tmp_path / "model.eqx").write_bytes(json.dumps(content).encode() + b"\n" + leaves)
    with pytest.raises(UserError, match=rf"model of format {FORMAT + 1}, but this cgpipe reads 1 to {FORMAT}; update"):
        load_model(tmp_path / "model.eqx")
