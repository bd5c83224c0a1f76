"""The export stage on an untrained model and a made-up dataset: what it writes, and that its gate closes."""

import json
from pathlib import Path

import numpy as np
import pytest
from synthetic_program import chain_projection, tiny_potential, write_dataset

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
        save_model(folder / f"seed-{seed}" / "model.eqx", tiny_potential(8), head, {"mean_neighbours": 6.0})
    members = [{"seed": seed, "model": f"seed-{seed}/model.eqx"} for seed in (0, 1)]
    write_json(folder / "ensemble.json", header("ensemble", {}, {}), {"members": members, "best_seed": 1})
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


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
    assert (body["member"], body["seed"]) == ("best", 1)
    assert body["capacities"] == {"beads": 9, "neighbours": 8}
    assert [entry["beads"] for entry in body["programs"]] == [6, 9]
    assert body["dataset_sha256"] == sha256(trained / "dataset.h5")
    assert body["sha256"] == {n: sha256(tmp_path / "best" / n) for n in FILES if n != "model.json"}
    assert read_header(tmp_path / "best" / "params.npz")["inputs"]["model"]["path"].endswith("seed-1/model.eqx")
    gate = read_json(tmp_path / "best" / "parity.json", "parity")
    assert gate["passed"] and 0 < gate["max_rel_error"] < 1e-5
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
    with pytest.raises(UserError, match=r"--member seed-7: expected best or one of seed-0, seed-1"):
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
