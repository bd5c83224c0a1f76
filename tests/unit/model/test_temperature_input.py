"""A model with temperature as an input, and the ordinary one that it is at one temperature; weights are made up."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from model_toys import CUTOFF, chain_positions, chain_topology, evaluate, toy_network, toy_prior

from cgpipe.artefact import header
from cgpipe.errors import UserError
from cgpipe.model.potential import Potential, Temperatures
from cgpipe.model.serialise import load_model, load_model_at, save_model
from cgpipe.model.temperature import at_temperature, with_entropy
from cgpipe.physics.prior import ThermalPrior

KELVIN = jnp.array([300.0, 330.0, 400.0])


@pytest.fixture(scope="module")
def potential() -> Potential:
    """Prior, network and ceiling, all of them different at 300 and 400 K."""
    cold, network = toy_prior(), with_entropy(toy_network())
    hot = dataclasses.replace(cold, bond_k=1.1 * cold.bond_k, dihedral_phase=cold.dihedral_phase + 0.4)
    weights = jax.random.normal(jax.random.key(1), network.readout.weights[-1].shape)
    network = eqx.tree_at(lambda n: n.readout.weights[-1], network, weights)
    ceiling = jnp.arange(8, dtype=jnp.float32).reshape(2, 4)
    return Potential(
        ThermalPrior(cold, hot, (300.0, 400.0)), network, CUTOFF, 64, ceiling, Temperatures(300.0, 345.0, 400.0)
    )


def test_every_frame_is_taken_at_its_own_temperature(potential):
    """A batch of three temperatures against three ordinary models; detects frames, readouts or ceilings mixed up."""
    R = jnp.stack([chain_positions(6, seed) for seed in range(3)])
    topology = jax.tree.map(lambda field: jnp.stack([field] * 3), chain_topology(6))
    together = eqx.filter_jit(Potential.evaluate_many)(potential, R, topology, temperature=KELVIN)
    for nth, kelvin in enumerate(KELVIN.tolist()):
        alone = evaluate(at_temperature(potential, kelvin), R[nth], chain_topology(6))
        np.testing.assert_allclose(together.forces[nth], alone.forces, atol=1e-4)
        np.testing.assert_allclose(together.bead_energies[nth], alone.bead_energies, atol=1e-4)


def test_forces_are_linear_in_temperature(potential):
    """Those at 330 K are 0.7 of 300 K and 0.3 of 400 K, prior and network: F = U − T S; detects a mix of parameters."""
    cold, between, hot = (
        evaluate(at_temperature(potential, t), chain_positions(6), chain_topology(6)).forces for t in KELVIN.tolist()
    )
    assert np.abs(cold - hot).max() > 1.0
    np.testing.assert_allclose(between, 0.7 * cold + 0.3 * hot, atol=1e-3)


def test_an_untrained_model_has_no_entropy():
    """Detects a dependence on temperature that is there before any data: the second readout begins at zero."""
    known = Temperatures(300.0, 350.0, 400.0)
    plain = Potential(None, toy_network(), CUTOFF, 64)
    made = dataclasses.replace(plain, network=with_entropy(plain.network), temperatures=known)
    expected = evaluate(plain, chain_positions(6), chain_topology(6)).forces
    for kelvin in (300.0, 400.0):
        found = evaluate(at_temperature(made, kelvin), chain_positions(6), chain_topology(6)).forces
        np.testing.assert_array_equal(found, expected)


def test_model_file_keeps_both_readouts(potential, tmp_path):
    """Saved and loaded it is the same, and so at one temperature; detects lost leaves, ends and ceilings."""
    save_model(tmp_path / "model.eqx", potential, header("model", {}, {}), {})
    loaded, _ = load_model(tmp_path / "model.eqx")
    assert eqx.tree_equal(loaded, potential)
    assert eqx.tree_equal(load_model_at(tmp_path / "model.eqx", 320.0), at_temperature(potential, 320.0))
    plain = at_temperature(potential, 320.0)
    save_model(tmp_path / "plain.eqx", plain, header("model", {}, {}), {})
    assert eqx.tree_equal(load_model(tmp_path / "plain.eqx")[0], plain)


@pytest.mark.parametrize("kelvin", [299.0, 450.0])
def test_temperatures_beyond_the_data_are_refused(potential, tmp_path, kelvin):
    """Detects an entropy that is extrapolated without a word; the same one but for rounding is none."""
    save_model(tmp_path / "model.eqx", potential, header("model", {}, {}), {})
    with pytest.raises(UserError, match=rf"model.eqx: {kelvin:g} K is outside of the 300 to 400 K of the frames"):
        load_model_at(tmp_path / "model.eqx", kelvin)
    at_temperature(potential, float(np.nextafter(np.float32(300), np.float32(0))))


def test_a_model_of_many_temperatures_is_not_taken_without_one(potential):
    """Detects forces at some temperature that nobody chose."""
    with pytest.raises(ValueError, match="give one"):
        potential.evaluate(chain_positions(6), chain_topology(6))
