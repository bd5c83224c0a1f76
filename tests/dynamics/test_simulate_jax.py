"""The simulate stage with ``engine: jax`` on an exported untrained model, beside what the LAMMPS engine leaves."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from synthetic_program import chain_projection, chain_topology, export_to, tiny_potential

from cgpipe.artefact import header, read_json
from cgpipe.data.projection import write_projection
from cgpipe.data.replicas import read_replica
from cgpipe.dynamics import engine_jax
from cgpipe.errors import UserError
from cgpipe.simulate import main

BEADS = 8
FILES = ["simulation.json", "thermo.csv", "traj.dcd"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program and a projection of 8 beads."""
    folder = tmp_path_factory.mktemp("made")
    export_to(folder / "export", tiny_potential(BEADS - 1), [BEADS])
    write_projection(folder / "made.h5", chain_projection(BEADS), header("projection", {}, {}))
    return folder


def arguments(made: Path, out: Path, replicas: tuple[int, ...] = (0, 1), **simulate: object) -> list[str]:
    settings = {"engine": "jax", "replicas": 2, "picoseconds": 0.4, "save_every": 0.1, "bond_tolerance": 1000.0}
    return [
        *("--settings", json.dumps({"simulate": {**settings, **simulate}})),
        *("--program", str(made / "export" / "model.json"), "--projection", str(made / "made.h5")),
        *("--replica", *map(str, replicas), "--out", *(str(out / str(replica)) for replica in replicas)),
    ]


def test_all_replicas_leave_what_the_lammps_engine_leaves(made, tmp_path):
    """Detects records that differ in form, frames that do not fit their record, and one start for all replicas."""
    assert main(arguments(made, tmp_path / "jax")) == 0
    assert main(arguments(made, tmp_path / "lammps", engine="lammps")) == 0
    starts = set()
    for replica in "01":
        folder = tmp_path / "jax" / replica
        assert sorted(file.name for file in folder.iterdir()) == FILES
        ours, theirs = (read_json(tmp_path / e / replica / FILES[0], "simulation") for e in ("jax", "lammps"))
        assert list(ours) == list(theirs) and (ours["engine"], theirs["engine"]) == ("jax", "lammps")
        assert {type(ours[key]) for key in ours} == {type(theirs[key]) for key in theirs}
        same = (
            "start",
            "steps",
            "frames",
            "velocity_seed",
            "noise_seed",
            "temperature",
            "survived",
            "death",
            "timestep",
        )
        assert all(ours[key] == theirs[key] for key in same)
        read = read_replica(folder / FILES[0], "made", BEADS)
        assert len(read.R) == ours["frames"] == 5 and read.broken_frames == 0
        starts.add(ours["start"]["frame"])
    assert len(starts) == 2


def test_a_death_is_a_recorded_result(made, tmp_path, capsys):
    """Detects a death that fails the stage, passes in silence, or leaves frames of a dead replica."""
    assert main(arguments(made, tmp_path, bond_tolerance=0.7, picoseconds=20.0)) == 0
    said = capsys.readouterr().err
    for replica in "01":
        record = read_json(tmp_path / replica / FILES[0], "simulation")
        assert not record["survived"] and "off its mean" in record["death"]["reason"]
        assert record["picoseconds"] == record["death"]["picoseconds"] < 20.0
        assert f"made best replica {replica} died at" in said
        assert len(read_replica(tmp_path / replica / FILES[0], "made", BEADS).R) == max(1, record["frames"])
    assert not (tmp_path / "0" / "checkpoint").exists()


def test_a_killed_job_goes_on_to_the_same_bytes(made, tmp_path):
    """Detects whatever a real SIGKILL leaves behind that a second start cannot use."""
    main(arguments(made, tmp_path / "undisturbed", picoseconds=4.0))
    killed = arguments(made, tmp_path / "killed", picoseconds=4.0)
    code = "import sys; from cgpipe.dynamics import run; from cgpipe.simulate import main; run.SAVE_SECONDS = 0.0\n"
    with subprocess.Popen([sys.executable, "-c", code + "main(sys.argv[1:])", *killed]) as process:
        checkpoint = tmp_path / "killed" / "0" / "checkpoint"
        while process.poll() is None and len(list(checkpoint.glob("part-*.npz"))) < 3:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert len(list(checkpoint.glob("part-*.npz"))) < 41
    main(killed)
    for name in ("traj.dcd", "thermo.csv"):
        assert (tmp_path / "killed" / "1" / name).read_bytes() == (tmp_path / "undisturbed" / "1" / name).read_bytes()
    assert sorted(file.name for file in (tmp_path / "killed" / "0").iterdir()) == FILES


class Enough(Exception):
    """Instead of a run."""


def test_a_run_goes_on_only_where_everything_is_the_same(made, tmp_path, monkeypatch):
    """Detects an identity of the parts on disk without the code, or without what decides when a bond is broken."""
    identities: list[str] = []

    def stop(_: Path, identity: str) -> None:
        identities.append(identity)
        raise Enough

    monkeypatch.setattr(engine_jax, "Parts", stop)
    for change in ({}, {}, {"bond_tolerance": 900.0}, {"picoseconds": 0.5}):
        with pytest.raises(Enough):
            main(arguments(made, tmp_path, **change))
    monkeypatch.setattr(engine_jax, "code_digest", lambda *_: "other")
    with pytest.raises(Enough):
        main(arguments(made, tmp_path))
    assert identities[0] == identities[1]
    assert len(set(identities)) == 4


def test_impossible_requests_are_refused(made, tmp_path):
    """Detects an ensemble of which one member would run, and folders that do not fit the replicas."""
    with pytest.raises(UserError, match="--out: 2 folders for 3 replicas"):
        main([*arguments(made, tmp_path, (0, 1)), "--replica", "0", "1", "0"])
    program = tmp_path / "several" / "export" / "model.json"
    program.parent.mkdir(parents=True)
    body = json.loads((made / "export" / "model.json").read_text())
    body |= {"sha256": {}, "members": 2}
    program.write_text(json.dumps(body))
    (tmp_path / "several" / "made.h5").write_bytes((made / "made.h5").read_bytes())
    with pytest.raises(UserError, match="engine jax runs single models; use lammps or native"):
        main(arguments(tmp_path / "several", tmp_path))


def test_the_trajectory_holds_the_positions_of_the_thermodynamics(made, tmp_path):
    """Detects frames shifted against their rows: the radius of gyration of each frame must be the one in its row."""
    main(arguments(made, tmp_path))
    table = np.genfromtxt(tmp_path / "1" / "thermo.csv", delimiter=",", names=True)
    R = read_replica(tmp_path / "1" / FILES[0], "made", BEADS).R.astype(np.float64)
    masses = np.array(read_json(made / "export" / "model.json", "program")["vocabulary"]["masses"])
    weights = masses[chain_topology(BEADS).species]
    centre = np.average(R, axis=1, weights=weights)
    gyration = np.sqrt(np.average(((R - centre[:, None]) ** 2).sum(-1), axis=1, weights=weights))
    np.testing.assert_allclose(table["radius_of_gyration"], gyration, rtol=1e-5)
    np.testing.assert_allclose(table["picoseconds"], np.arange(5) * 0.1)
