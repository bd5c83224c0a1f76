"""The export stage on an untrained model and a made-up dataset: what it writes, and that its gate closes."""

import json
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest
from synthetic_program import chain_projection, chain_topology, tiny_potential, write_dataset

from cgpipe import cli
from cgpipe.artefact import header, read_header, read_json, sha256, write_json
from cgpipe.deploy import parity
from cgpipe.deploy.program import load_program
from cgpipe.errors import UserError
from cgpipe.export import bead_capacities, main
from cgpipe.model.serialise import save_model
from cgpipe.stage import run

FILES = [
    "model-6.jaxexp",
    "model-6.mlir",
    "model.eqx",
    "model.jaxexp",
    "model.json",
    "model.mlir",
    "params.npz",
    "params.pkl",
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder up to the ensemble: proteins of 6 and 9 beads, two seeds, the second is the best."""
    folder = tmp_path_factory.mktemp("results")
    write_dataset(folder / "dataset.h5", [chain_projection(9, name="long"), chain_projection(6, name="short")])
    for seed in (0, 1):
        (folder / f"seed-{seed}").mkdir()
        head = header("model", {"seed": seed}, {"dataset": folder / "dataset.h5"})
        model = jax.tree.map(lambda x, factor=1 + 0.05 * seed: x * factor if eqx.is_array(x) else x, tiny_potential(8))
        save_model(folder / f"seed-{seed}" / "model.eqx", model, head, {"mean_neighbours": 6.0})
    members = [{"seed": seed, "model": f"seed-{seed}/model.eqx"} for seed in (0, 1)]
    write_json(folder / "ensemble.json", header("ensemble", {}, {}), {"members": members, "best_seed": 1})
    return folder


def arguments(
    folder: Path, out: Path, member: str = "best", dataset: str = "dataset.h5", **export: object
) -> list[str]:
    models = [str(folder / f"seed-{seed}" / "model.eqx") for seed in (0, 1)]
    return [
        *("--settings", json.dumps({"export": {"platforms": ["cpu"], **export}}), "--member", member),
        *("--ensemble", str(folder / "ensemble.json"), "--models", *models),
        *("--dataset", str(folder / dataset), "--out", str(out)),
    ]


def test_the_best_member_is_exported_and_proven(trained, tmp_path):
    """Detects missing files, a wrong seed, wrong hashes, an incomplete model.json and a gate that compares nothing."""
    assert main(arguments(trained, tmp_path / "best")) == 0
    assert sorted(file.name for file in (tmp_path / "best").iterdir()) == sorted([*FILES, "parity.json"])
    body = read_json(tmp_path / "best" / "model.json", "program")
    assert (body["member"], body["seeds"]) == ("best", [1])
    assert body["capacities"] == {"beads": 9, "neighbours": 8}
    assert [entry["beads"] for entry in body["programs"]] == [6, 9]
    assert body["dataset_sha256"] == sha256(trained / "dataset.h5")
    assert body["sha256"] == {n: sha256(tmp_path / "best" / n) for n in FILES if n != "model.json"}
    assert read_header(tmp_path / "best" / "params.npz")["inputs"]["model"]["path"].endswith("seed-1/model.eqx")
    gate = read_json(tmp_path / "best" / "parity.json", "parity")
    assert gate["passed"] and gate["max_rel_error"] < 1e-5
    assert gate["proteins"]["short"]["capacities"] == [6, 9]
    assert gate["proteins"]["long"]["frames"] == 4 and gate["proteins"]["long"]["split"] == "test"
    program = load_program(tmp_path / "best" / "model.json")
    for frame in body["reference"]:
        topology = parity.Topology(
            *(np.array(frame[name], np.int32) for name in ("species", "chain", "residue")),
            np.ones(len(frame["species"]), bool),
        )
        found = program.evaluate(np.array(frame["positions"]), topology)
        np.testing.assert_allclose(found.forces, frame["forces"], atol=1e-4)
        np.testing.assert_allclose(found.bead_energies, frame["bead_energies"], atol=1e-4)


def test_an_ensemble_is_one_program(trained, tmp_path):
    """Detects a member that is left out, a sum for a mean, and a spread of components or in another norm."""
    for member in ("seed-0", "seed-1", "ensemble"):
        assert main(arguments(trained, tmp_path / member, member)) == 0
    body = read_json(tmp_path / "ensemble" / "model.json", "program")
    assert (body["members"], body["seeds"], body["models"]) == (2, [0, 1], ["seed-0.eqx", "seed-1.eqx"])
    assert body["results"][-1] == {"name": "force_spread", "shape": [9], "dtype": "float32"}
    R, topology = np.array(body["reference"][0]["positions"]), chain_topology(9)
    found = {
        name: load_program(tmp_path / name / "model.json").evaluate(R, topology)
        for name in ("seed-0", "seed-1", "ensemble")
    }
    forces = np.stack([found[name].forces for name in ("seed-0", "seed-1")])
    np.testing.assert_allclose(found["ensemble"].forces, forces.mean(0), atol=1e-4)
    assert found["ensemble"].energy == pytest.approx((found["seed-0"].energy + found["seed-1"].energy) / 2, rel=1e-5)
    half = 0.5 * np.linalg.norm(forces[1] - forces[0], axis=-1)
    assert half.max() > 0.1 and found["seed-0"].spread is None
    np.testing.assert_allclose(found["ensemble"].spread, half, atol=1e-4)


@pytest.mark.parametrize("member", ["best", "ensemble"])
def test_an_aged_export_is_renewed_by_the_command_that_its_refusal_names(trained, tmp_path, member):
    """Detects a refusal that names a command which does not work, and other forces, files or capacities afterwards."""
    folder = tmp_path / member
    main(arguments(trained, folder, member, beads=12, neighbours=9))
    before = read_json(folder / "model.json", "program")
    (folder / "model.json").write_text(json.dumps({**before, "format": 2, "versions": {"jax": "0.1"}}))
    (folder / "model.mlir").write_bytes(b"aged")
    with pytest.raises(UserError, match="cgpipe renew") as refusal:
        load_program(folder / "model.json")
    command = str(refusal.value).split("cgpipe ")[-1].split()
    assert cli.main(command) == 0
    after = read_json(folder / "model.json", "program")
    load_program(folder / "model.json")
    assert [file["beads"] for file in after["programs"]] == [6, 9, 12]
    for key in ("members", "models", "seeds", "member", "capacities", "programs", "statistics", "dataset_sha256"):
        assert after[key] == before[key]
    assert after["renewed_from"] == {"format": 2, "versions": {"jax": "0.1"}}
    assert after["cgpipe"]["inputs"] == before["cgpipe"]["inputs"]
    np.testing.assert_allclose(after["reference"][1]["forces"], before["reference"][1]["forces"], atol=1e-4)
    assert read_json(folder / "parity.json", "parity")["passed"]


def test_a_renewal_that_changes_forces_is_refused(trained, tmp_path):
    """Detects programs that are compared with today's model only, and an old export that is lost in the attempt."""
    main(arguments(trained, tmp_path / "best"))
    content = json.loads((tmp_path / "best" / "model.json").read_text())
    content["reference"][0]["forces"][2][1] += 0.5
    (tmp_path / "best" / "model.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"differ by .* from the published ones, .*nothing was changed"):
        cli.main(["renew", str(tmp_path / "best")])
    load_program(tmp_path / "best" / "model.json")
    (tmp_path / "best" / "model.eqx").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"model\.eqx: SHA-256 .* run the export stage again"):
        cli.main(["renew", str(tmp_path / "best")])


def test_the_errors_behind_the_parity_figure(trained, tmp_path):
    """Detects a selection without the worst bead, and forces that are not those of the frames."""
    main(arguments(trained, tmp_path / "best"))
    one = read_json(tmp_path / "best" / "parity.json", "parity")["proteins"]["long"]
    force, error = np.array(one["forces"]).T
    assert len(force) == 4 * 9 and np.all(np.diff(force) >= 0)
    rms = one["frames"] and np.sqrt(np.mean(force**2) / 3)
    assert one["rel_error"] * rms <= error.max() <= np.sqrt(3) * one["rel_error"] * rms * 1.001


def test_a_program_that_disagrees_is_not_published(trained, tmp_path, monkeypatch, capsys):
    """Detects an open gate: the Python model gets other positions than the program, by a thousandth of an Å."""
    monkeypatch.setattr(parity, "centred", lambda R: (R + np.linspace(0, 1e-3, R.size).reshape(R.shape)).astype("f4"))
    assert run(main, arguments(trained, tmp_path / "best")) == 2
    message = capsys.readouterr().err
    assert "relative force error" in message and "nothing was exported" in message
    assert [file.name for file in (tmp_path / "best").iterdir()] == ["unfinished"]
    assert not read_json(tmp_path / "best" / "unfinished" / "parity.json", "parity")["passed"]


def test_another_dataset_is_refused(trained, tmp_path):
    write_dataset(trained / "other.h5", [chain_projection(9)])
    with pytest.raises(UserError, match="trained on another dataset"):
        main(arguments(trained, tmp_path / "best", dataset="other.h5"))


def test_members_are_named_and_checked(trained, tmp_path):
    with pytest.raises(UserError, match=r"--member seed-7: expected best, ensemble or one of seed-0, seed-1"):
        main(arguments(trained, tmp_path / "x", member="seed-7"))


def test_more_room_and_a_readable_form_on_request(trained, tmp_path):
    """Detects keys of the configuration that do nothing."""
    more = {"beads": [12, 30], "neighbours": 11, "text": True}
    assert main(arguments(trained, tmp_path / "best", **more)) == 0
    body = read_json(tmp_path / "best" / "model.json", "program")
    assert [(entry["beads"], entry["neighbours"]) for entry in body["programs"]] == [(6, 5), (9, 8), (12, 11), (30, 11)]
    assert "func.func public @main" in (tmp_path / "best" / "model-12.mlir.txt").read_text()
    with pytest.raises(UserError, match=r"export\.neighbours 3 is below the model's own 8"):
        main(arguments(trained, tmp_path / "less", neighbours=3))


def test_capacities():
    assert bead_capacities([10, 20], 0) == [10, 20]
    assert bead_capacities([10, 20], 20) == [10, 20]
    assert bead_capacities([10, 20], 50) == [10, 20, 50]
    assert bead_capacities([10, 20], [15, 50]) == [10, 15, 20, 50]
    with pytest.raises(UserError, match=r"export\.beads 15 is below the longest protein"):
        bead_capacities([10, 20], 15)
