"""The simulate stage on an exported untrained model: files, record, starts, seeds, ends."""

import json
from pathlib import Path

import mdtraj
import numpy as np
import pytest
from synthetic_program import chain_projection, export_to, tiny_potential

from cgpipe.artefact import header, read_json
from cgpipe.config.models import Simulate
from cgpipe.data.projection import write_projection
from cgpipe.dynamics.plans import bond_watch, make_plan
from cgpipe.errors import UserError
from cgpipe.simulate import main
from cgpipe.stage import run

BEADS = 8
FILES = ["in.lammps", "log.lammps", "simulation.json", "system.data", "thermo.csv", "traj.dcd"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program and a projection of 8 beads."""
    folder = tmp_path_factory.mktemp("made")
    export_to(folder / "export", tiny_potential(BEADS - 1), [BEADS])
    write_projection(folder / "made.h5", chain_projection(BEADS), header("projection", {}, {}))
    return folder


def arguments(made: Path, out: Path, replica: int = 0, **simulate: object) -> list[str]:
    settings = {"replicas": 2, "picoseconds": 0.4, "save_every": 0.1, "bond_tolerance": 1000.0, **simulate}
    return [
        *("--settings", json.dumps({"simulate": settings}), "--program", str(made / "export" / "model.json")),
        *("--projection", str(made / "made.h5"), "--replica", str(replica), "--out", str(out)),
    ]


def test_a_replica_leaves_a_complete_record(made, tmp_path):
    """Detects missing files, wrong times, another temperature than the reference's, a start at another temperature.

    An untrained network holds no bonds, so the tolerance is infinite here.
    """
    assert main(arguments(made, tmp_path)) == 0
    assert sorted(file.name for file in tmp_path.iterdir()) == FILES
    record = read_json(tmp_path / "simulation.json", "simulation")
    assert record["survived"] and record["death"] is None
    assert record["temperature"] == 348.0
    assert (record["picoseconds"], record["steps"], record["frames"]) == (0.4, 100, 5)
    assert record["save_every"] == pytest.approx(0.1)
    assert record["start"] == {"trajectory": "348/0", "frame": 2}
    assert record["protein"] == "made" and record["member"] == "best" and record["replica"] == 0
    with mdtraj.formats.DCDTrajectoryFile(str(tmp_path / "traj.dcd")) as file:
        assert file.read()[0].shape == (5, BEADS, 3)
    assert "${" not in (tmp_path / "thermo.csv").read_text()


def test_the_temperature_of_the_configuration_is_simulated(made, tmp_path):
    """Detects a key without effect; the thermostat itself is tested elsewhere."""
    main(arguments(made, tmp_path, temperature=300.0))
    record = read_json(tmp_path / "simulation.json", "simulation")
    assert record["temperature"] == 300.0
    assert " 300.0 300.0 " in (tmp_path / "in.lammps").read_text()


def test_replicas_differ(made, tmp_path):
    """Detects two replicas with one start or one stream of noise."""
    records = []
    for replica in (0, 1):
        main(arguments(made, tmp_path / str(replica), replica))
        records.append(read_json(tmp_path / str(replica) / "simulation.json", "simulation"))
    assert len({record["start"]["frame"] for record in records}) == 2
    seeds = {record[name] for record in records for name in ("velocity_seed", "noise_seed")}
    assert len(seeds) == 4


def test_seeds_depend_on_everything_that_tells_a_replica_from_others():
    plans = [
        make_plan(Simulate(seed=seed), protein, member, replica, 348.0)
        for seed in (1, 2)
        for protein in "ab"
        for member in ("best", "seed-0")
        for replica in (0, 1)
    ]
    seeds = {seed for plan in plans for seed in (plan.velocity_seed, plan.noise_seed)}
    assert len(seeds) == 2 * len(plans)
    assert all(0 < seed < 900_000_000 for seed in seeds)
    assert (plans[0].steps, plans[0].save_every) == (50_000, 250)


def test_a_broken_bond_is_a_recorded_result(made, tmp_path, capsys):
    """Detects a death that fails the stage, passes in silence or takes the trajectory with it."""
    assert run(main, arguments(made, tmp_path, bond_tolerance=0.7, picoseconds=20.0)) == 0
    record = read_json(tmp_path / "simulation.json", "simulation")
    assert not record["survived"] and "off its mean" in record["death"]["reason"]
    assert record["picoseconds"] == record["death"]["picoseconds"] < 20.0
    assert "died at" in capsys.readouterr().err
    with mdtraj.formats.DCDTrajectoryFile(str(tmp_path / "traj.dcd")) as file:
        assert record["frames"] <= len(file.read()[0]) <= record["frames"] + 1
    assert sorted(file.name for file in tmp_path.iterdir()) == FILES


def test_a_damaged_program_is_an_error_and_leaves_nothing(made, tmp_path, capsys):
    copy = tmp_path / "export"
    copy.mkdir()
    for file in (made / "export").iterdir():
        (copy / file.name).write_bytes(file.read_bytes() + (b"x" if file.name == "model.jaxexp" else b""))
    (tmp_path / "made.h5").write_bytes((made / "made.h5").read_bytes())
    assert run(main, arguments(tmp_path, tmp_path / "out")) == 2
    assert "model.jaxexp: SHA-256" in capsys.readouterr().err
    assert not (tmp_path / "out" / "simulation.json").exists()


def test_impossible_requests_are_refused(made, tmp_path):
    with pytest.raises(UserError, match="--replica 2: expected 0 … 1"):
        main(arguments(made, tmp_path, replica=2))
    with pytest.raises(UserError, match=r"picoseconds 0\.05 is shorter than save_every 0\.1"):
        main(arguments(made, tmp_path, picoseconds=0.05))


def test_bonds_are_watched_against_the_reference():
    """Detects bonds across a gap in the numbering and means over other frames; every bead moves 0.4 Å at most."""
    projection = chain_projection(BEADS)
    projection.residue[4:] += 1
    watch = bond_watch(projection, 1.0)
    for R in projection.R:
        watch.check(R.astype(np.float64), 0)
    assert 0.0 < watch.largest < 1.0
    torn = projection.R[0].astype(np.float64)
    torn[4:] += 20.0
    watch.check(torn, 0)
