"""The native engine where the pipeline uses it: the simulate stage, ``cgpipe verify``, the plugin's own build."""

import json
import re
from pathlib import Path

import jax
import numpy as np
import pytest
from native_runs import DUMP, NAMES, Native, dumped, finished
from synthetic_program import (
    bonded_potential,
    chain_positions,
    chain_projection,
    chain_topology,
    ensemble_members,
    export_to,
)

from cgpipe import build_plugin, simulate, verify
from cgpipe.artefact import header, read_json
from cgpipe.data.projection import write_projection
from cgpipe.deploy.program import load_program
from cgpipe.dynamics.lammps.native import current_plugin, default_plugin
from cgpipe.dynamics.lammps.system import write_data
from cgpipe.errors import UserError
from cgpipe.model.potential import Potential
from cgpipe.stage import run

BEADS = 8


@pytest.fixture(scope="module")
def made(native: Native, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program with its reference frame, and a projection."""
    folder = tmp_path_factory.mktemp("made")
    exported(folder / "export", bonded_potential(BEADS - 1))
    write_projection(folder / "made.h5", chain_projection(BEADS), header("projection", {}, {}))
    return folder


def exported(folder: Path, model: Potential | list[Potential]) -> None:
    """An export with a reference frame."""
    model_json = export_to(folder, model, [BEADS])
    topology, R = chain_topology(BEADS), chain_positions(BEADS)
    found = load_program(model_json).evaluate(R, topology)
    frame = {name: getattr(topology, name).tolist() for name in ("species", "chain", "residue")}
    frame |= {"protein": "made", "positions": R.tolist(), "forces": found.forces.tolist()}
    model_json.write_text(json.dumps({**json.loads(model_json.read_text()), "reference": [frame]}))


def replica(made: Path, out: Path, **changes: object) -> dict:
    """The record of one replica."""
    settings = {
        "replicas": 2,
        "picoseconds": 0.4,
        "save_every": 0.1,
        "bond_tolerance": 1000.0,
        "timestep": 2.0,
        **changes,
    }
    arguments = [
        *("--settings", json.dumps({"simulate": settings}), "--program", str(made / "export" / "model.json")),
        *("--projection", str(made / "made.h5"), "--replica", "0", "--out", str(out)),
    ]
    assert simulate.main(arguments) == 0
    return read_json(out / "simulation.json", "simulation")


def minimised(folder):
    """The command, and the energies [kcal/mol] before and after it, from the log."""
    log = (folder / "log.lammps").read_text()
    energies = re.search(r"Energy initial, next-to-last, final = *\n *(\S+) +\S+ +(\S+)", log)
    return re.search(r"^minimize.*", log, re.MULTILINE)[0], float(energies[1]), float(energies[2])


def test_both_engines_leave_the_same_files(made, tmp_path):
    """Detects another start, seed, minimiser or column in one of them, and a record that hides which one ran."""
    records = {engine: replica(made, tmp_path / engine, engine=engine) for engine in ("lammps", "native")}
    tables = [np.genfromtxt(tmp_path / name / "thermo.csv", delimiter=",", names=True) for name in records]
    assert tables[0].dtype.names == tables[1].dtype.names and len(tables[0]) == 5
    # rounding decides which minimum 200 steps of conjugate gradients end in, but not where they begin, nor velocities
    (lammps, before, after), (native, same_before, also_after) = (minimised(tmp_path / name) for name in records)
    assert native == lammps and same_before == pytest.approx(before, rel=1e-6)
    assert max(after, also_after) < before - 100.0
    assert tables[1]["temperature"][0] == pytest.approx(tables[0]["temperature"][0], rel=1e-9)
    assert sorted(f.name for f in (tmp_path / "native").iterdir()) == sorted(
        f.name for f in (tmp_path / "lammps").iterdir()
    )
    assert records["native"]["engine"] == "native" and records["native"]["survived"]
    same = ("steps", "frames", "start", "velocity_seed", "noise_seed", "temperature")
    assert [records["native"][key] for key in same] == [records["lammps"][key] for key in same]
    assert 0 < records["native"]["model_share"] <= 1 and records["native"]["steps_per_second"] > 0


def test_a_bond_out_of_its_limits_is_a_recorded_death(made, tmp_path):
    """Detects a native run whose bonds nobody looks at."""
    record = replica(made, tmp_path, engine="native", bond_tolerance=0.05)
    assert not record["survived"] and "off its mean" in record["death"]["reason"]
    assert record["steps"] % 50 == 0 and record["steps"] < 200


def test_verify_compares_all_engines(made, capsys, tmp_path):
    """Detects a table of numbers that are not compared: a forged reference must be refused."""
    assert run(verify.main, [str(made / "export")]) == 0
    row = capsys.readouterr().out.splitlines()[1].split()
    assert row[:2] == ["made", str(BEADS)]
    assert len(row) == 6 and all(float(cell) < 1e-5 for cell in row[2:])
    for file in (made / "export").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    content = json.loads((tmp_path / "model.json").read_text())
    content["reference"][0]["forces"][3][1] += 0.1
    (tmp_path / "model.json").write_text(json.dumps(content))
    assert run(verify.main, [str(tmp_path)]) == 2
    assert "forces differ by" in capsys.readouterr().err


def test_an_ensemble_runs_in_every_engine(native, tmp_path, capsys):
    """Detects a pair style that has no room for the spread, and engines that run one member of three."""
    exported(tmp_path, ensemble_members(BEADS - 1))
    assert run(verify.main, [str(tmp_path)]) == 0
    row = capsys.readouterr().out.splitlines()[1].split()
    assert len(row) == 6 and all(float(cell) < 1e-5 for cell in row[2:])


def test_programs_in_double_precision(native, tmp_path):
    """Detects single precision on the way to PJRT and back: the same program agrees to 1e-9 with its Python form."""
    with jax.enable_x64(True):
        exact = jax.tree.map(lambda x: x.astype("f8") if hasattr(x, "astype") else x, bonded_potential(11))
        model_json = export_to(tmp_path / "export", exact, [12])
        R, topology = np.round(chain_positions(12), 9), chain_topology(12)
        expected = load_program(model_json).evaluate(R, topology).forces
    write_data(tmp_path / "system.data", "test", R, topology, NAMES)
    finished(tmp_path, Native(native.plugin, model_json).text(*DUMP, "run 0"))
    assert np.abs(dumped(tmp_path).f - expected).max() < 1e-9 * np.sqrt(np.mean(expected**2))


def test_the_plugin_is_built_once(native, capsys, monkeypatch):
    """Detects a compilation at every call, and an old plugin that is taken for a new one."""
    assert run(build_plugin.main, []) == 0
    assert f"{default_plugin()}: up to date; in LAMMPS: plugin load" in capsys.readouterr().out
    assert current_plugin() == native.plugin
    record = default_plugin().with_name(default_plugin().name + ".json")
    before = record.read_text()
    try:
        record.write_text("{}")
        with pytest.raises(UserError, match="missing or out of date; run: cgpipe build-plugin"):
            current_plugin()
    finally:
        record.write_text(before)
