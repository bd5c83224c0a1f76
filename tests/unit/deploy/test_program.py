"""The exported program against the Python model it came from, and what it refuses."""

import json
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest
from jax import export
from synthetic_program import bonded_potential, chain_positions, chain_topology, export_to, tiny_potential

from cgpipe.data.topology import Topology
from cgpipe.deploy.module import run_module
from cgpipe.deploy.program import NeighbourOverflow, Program, centred, load_program
from cgpipe.deploy.stablehlo import export_potential
from cgpipe.errors import UserError
from cgpipe.model.potential import Evaluation

POTENTIAL = tiny_potential(9)
EVALUATE = eqx.filter_jit(POTENTIAL.evaluate)


@pytest.fixture(scope="module")
def model_json(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_to(tmp_path_factory.mktemp("export"), POTENTIAL, [7, 10])


@pytest.fixture(scope="module")
def program(model_json: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    return load_program(model_json)


@pytest.fixture
def copy(model_json: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    for file in model_json.parent.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path / "model.json"


def python(R: np.ndarray, topology: Topology) -> Evaluation:
    return EVALUATE(centred(R), topology)


def python_forces(R: np.ndarray, topology: Topology) -> np.ndarray:
    return np.asarray(python(R, topology).forces)


@pytest.mark.parametrize(("beads", "capacity"), [(10, None), (7, None), (7, 10), (4, 7)])
def test_forces_are_those_of_the_python_model(program, beads, capacity):
    """Detects wrong padding, argument order and capacities; not errors that export and Python model share."""
    R, topology = chain_positions(beads), chain_topology(beads)
    expected = python_forces(R, topology)
    found = program.bind(topology, capacity)(R)
    np.testing.assert_allclose(found.forces, expected, atol=1e-5 * np.abs(expected).max())
    energies = np.asarray(python(R, topology).bead_energies)
    np.testing.assert_allclose(found.bead_energies, energies, atol=1e-5 * np.abs(energies).max())
    assert found.energy == pytest.approx(energies.sum(), abs=1e-4)
    assert np.abs(expected).max() > 0.1


def test_the_stored_module_runs_by_its_description_alone(tmp_path):
    """Detects a platform index, argument order, padding or capacity that model.json describes wrongly."""
    made = load_program(export_to(tmp_path, bonded_potential(9), [7, 10], ("cuda", "cpu")))
    assert made.metadata["arguments"][0]["name"] == "platform_index"
    for beads in (5, 10):
        R, topology = chain_positions(beads), chain_topology(beads)
        expected = made.evaluate(R, topology).forces
        np.testing.assert_allclose(run_module(made, R, topology), expected, atol=1e-5 * np.abs(expected).max())


def test_parts_of_a_system_add_up_to_the_whole():
    """Detects energies that count without being owned, forces on owned beads only, and a virial of another sign.

    Three parts share 10 beads; each counts the energies of its own, and every bead's energy looks 9 Å far and beyond.
    """
    potential = bonded_potential(9)
    program = jax.jit(export_potential(potential, 12, ("cpu",)).exported.call)
    R, topology = centred(chain_positions(10)), chain_topology(10)
    padded = [np.concatenate([array, np.zeros((2, *array.shape[1:]), array.dtype)]) for array in (R, *topology)]
    whole = potential.evaluate(jax.numpy.asarray(R), topology)
    energies, forces, virial = np.zeros(12), np.zeros((12, 3)), np.zeros((3, 3))
    for own in ([0, 4, 5], [1, 2, 3, 9], [6, 7, 8]):
        part = [np.asarray(one) for one in program(*padded, np.isin(np.arange(12), own))]
        assert set(np.flatnonzero(part[0])) == set(own)
        assert np.abs(np.delete(part[1], own, axis=0)).max() > 1e-3
        energies, forces, virial = energies + part[0], forces + part[1], virial + part[2]
    np.testing.assert_allclose(energies[:10], whole.bead_energies, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(forces[:10], whole.forces, atol=1e-5 * np.abs(whole.forces).max())
    h = 1e-3
    scales = [np.array([1 + s * h, 1, 1], np.float32) for s in (1, -1)]
    energies = [
        float(potential.evaluate(jax.numpy.asarray(R * scale), topology).bead_energies.sum()) for scale in scales
    ]
    assert virial[0, 0] == pytest.approx(-(energies[0] - energies[1]) / (2 * h), rel=1e-2)
    assert np.abs(virial - virial.T).max() < 1e-4 * np.abs(virial).max()


def test_in_double_precision_both_agree_to_its_last_digits(tmp_path):
    """Detects single precision anywhere in the exported program: its rounding would be 1e-7."""
    with jax.enable_x64(True):
        exact = jax.tree.map(lambda x: x.astype("f8") if eqx.is_inexact_array(x) else x, bonded_potential(9))
        R, topology = chain_positions(9), chain_topology(9)
        expected = np.asarray(exact.evaluate(jax.numpy.asarray(R - R.mean(axis=0)), topology).forces)
        program = load_program(export_to(tmp_path / "export", exact, [10]))
        found = program.evaluate(R, topology).forces
    assert program.metadata["dtype"] == "float64"
    assert np.abs(found - expected).max() < 1e-9 * np.sqrt(np.mean(expected**2))


def test_programs_of_another_format_are_refused(copy):
    content = json.loads(copy.read_text())
    copy.write_text(json.dumps({**content, "format": 1}))
    with pytest.raises(UserError, match=r"program of format 1, but this cgpipe runs 3; .*cgpipe renew"):
        load_program(copy)


def test_swapped_residues_change_the_forces_as_in_python(program):
    """Detects species that are ignored, or taken in another order."""
    R, topology = chain_positions(7), chain_topology(7)
    swapped = topology.species.copy()
    swapped[[1, 5]] = swapped[[5, 1]]
    assert swapped[1] != swapped[5]
    topology_swapped = topology._replace(species=swapped)
    change = program.evaluate(R, topology_swapped).forces - program.evaluate(R, topology).forces
    expected = python_forces(R, topology_swapped) - python_forces(R, topology)
    assert np.abs(expected).max() > 1e-2
    np.testing.assert_allclose(change, expected, atol=1e-4 * np.abs(expected).max())


def test_far_from_the_origin_is_as_exact_as_near(program):
    """Detects positions rounded to single precision before they are centred."""
    R, topology = chain_positions(8), chain_topology(8)
    near, far = program.evaluate(R, topology), program.evaluate(R + 1e5, topology)
    np.testing.assert_allclose(far.forces, near.forces, atol=1e-4 * np.abs(near.forces).max())


def test_single_precision_is_centred_in_double(program):
    """Detects a mean that is subtracted in the precision that positions come in: a real frame lost three digits."""
    R, topology = (chain_positions(8) + 30.0).astype(np.float32), chain_topology(8)
    chain = program.bind(topology)
    np.testing.assert_array_equal(chain(R).forces, chain(R.astype(np.float64)).forces)


def test_too_many_beads_name_the_number(program):
    with pytest.raises(UserError, match=r"11 beads, but it holds 10; .*export\.beads: 11"):
        program.evaluate(chain_positions(11), chain_topology(11))


def test_neighbour_overflow_names_the_number(tmp_path):
    """Detects forces from an incomplete list: 6 beads within 1 Å need a row of 8 slots each, 3 are there."""
    program = load_program(export_to(tmp_path, tiny_potential(3), [6]))
    R = np.random.default_rng(0).normal(scale=0.3, size=(6, 3))
    with pytest.raises(NeighbourOverflow, match="8 neighbour slots per bead are needed but the program has 3"):
        program.evaluate(R, chain_topology(6))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_not_finite_is_an_error(program, value):
    R = chain_positions(8)
    R[3, 1] = value
    with pytest.raises(FloatingPointError, match="not finite"):
        program.evaluate(R, chain_topology(8))


def test_species_outside_the_vocabulary_are_refused(program):
    topology = chain_topology(8)
    with pytest.raises(UserError, match="species ids must lie in 0 … 20"):
        program.bind(topology._replace(species=topology.species + 21))


@pytest.mark.parametrize("name", ["model.jaxexp", "model-7.mlir", "params.npz"])
def test_damaged_files_are_refused(copy, name):
    content = bytearray((copy.parent / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy.parent / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name}: SHA-256 .* but .*model\.json says"):
        load_program(copy)


def test_missing_files_are_named(copy):
    (copy.parent / "model.jaxexp").unlink()
    with pytest.raises(UserError, match=r"model\.jaxexp: no such file"):
        load_program(copy)
    with pytest.raises(UserError, match="no such file; run the stage"):
        load_program(copy.parent / "other.json")


def test_another_vocabulary_is_refused(copy):
    content = json.loads(copy.read_text())
    content["vocabulary"]["types"].reverse()
    copy.write_text(json.dumps(content))
    with pytest.raises(UserError, match="differ from 'residues' here"):
        load_program(copy).bind(chain_topology(5))


def test_a_file_of_another_jax_is_explained(copy, monkeypatch):
    """Detects a bare traceback where the artefact's format aged out; jax itself is not asked."""

    def refuse(_content: bytearray) -> None:
        raise ValueError("Calling convention version 3 is not supported")

    program = load_program(copy)
    monkeypatch.setattr(export, "deserialize", refuse)
    with pytest.raises(UserError, match=r"cannot read what jax .* wrote \(Calling convention"):
        program.bind(chain_topology(10))
