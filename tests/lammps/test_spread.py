"""The guard on what the members of an ensemble disagree about, at every step of a run in LAMMPS."""

import json
from pathlib import Path

import numpy as np
import pytest
from force_fields import Springs, plan, unbonded
from synthetic_program import chain_positions, chain_projection, chain_topology, ensemble_members, export_to

from cgpipe import simulate
from cgpipe.artefact import header, read_json
from cgpipe.data.projection import write_projection
from cgpipe.data.species import vocabulary
from cgpipe.dynamics.ends import UNCERTAIN, Outcome, SpreadWatch
from cgpipe.dynamics.lammps.run import run_chain
from cgpipe.errors import UserError

NAMES = vocabulary("residues")
BEADS = 10


class Disagreeing(Springs):
    """Springs whose members agree but on bead 4, by 1, 2, 3 … hundredths in the dynamics and by 9 before."""

    def __call__(self, R):
        result = super().__call__(R)
        spread = np.zeros(len(R))
        spread[4] = 9.0 if not self.dynamics else 0.01 * len(self.seen)
        return result._replace(spread=spread)

    dynamics = False


def guarded(folder: Path, watch: SpreadWatch, steps: int = 100) -> tuple[Outcome, Disagreeing]:
    sites, topology = chain_positions(BEADS), chain_topology(BEADS)
    field = Disagreeing(sites)
    begin = watch.restart

    def dynamics_begin() -> None:
        begin()
        field.dynamics, field.seen = True, []

    watch.restart = dynamics_begin
    return run_chain(folder, plan(steps), sites, topology, NAMES, field, unbonded(topology), watch), field


def frames(folder: Path) -> list[list[str]]:
    lines = (folder / UNCERTAIN).read_text().splitlines()
    return [lines[at : at + BEADS + 2] for at in range(0, len(lines), BEADS + 2)]


def test_a_spread_beyond_the_limit_ends_the_run(tmp_path):
    """Detects a guard that looks at saved frames only, at the minimisation too, or forgets the frame."""
    outcome, field = guarded(tmp_path, SpreadWatch(0.355, True, 10, ["ALA"] * BEADS))
    assert outcome.death is not None and outcome.steps == outcome.death.step == 35
    assert outcome.death.reason.startswith(
        "the members' forces on bead 4 are 0.36 kcal/mol/Å apart (simulate.spread_limit"
    )
    assert outcome.spread == (pytest.approx(0.36), 1)
    (frame,) = frames(tmp_path)
    assert frame[0] == str(BEADS) and "step=35" in frame[1]
    rows = np.array([line.split()[1:] for line in frame[2:]], float)
    np.testing.assert_allclose(rows[:, :3], field.seen[-1], atol=1e-5)
    np.testing.assert_allclose(rows[:, 3:6], field.at(field.seen[-1]).forces, atol=1e-4)
    assert rows[4, 6] == pytest.approx(0.36) and rows[:4, 6].max() == 0


def test_a_warning_goes_on_and_writes_some_frames(tmp_path):
    """Detects a warning that ends the run, and a file that grows with every step."""
    outcome, _ = guarded(tmp_path, SpreadWatch(0.355, False, 20, ["ALA"] * BEADS))
    assert outcome.death is None and outcome.steps == 100
    assert outcome.spread == (pytest.approx(1.01), 66)
    assert [frame[1].split("step=")[1].split()[0] for frame in frames(tmp_path)] == ["35", "55", "75", "95"]


def test_the_stage_guards_an_exported_ensemble(tmp_path, capsys):
    """Detects settings that never reach LAMMPS, and a single model whose spread of nothing passes for agreement."""
    members = ensemble_members(7)
    write_projection(tmp_path / "made.h5", chain_projection(8), header("projection", {}, {}))
    for name, potential in (("ensemble", members), ("best", members[0])):
        export_to(tmp_path / name, potential, [8])

    def simulated(export: str, limit: float, action: str) -> dict:
        settings = {"member": "ensemble", "replicas": 1, "picoseconds": 0.2, "save_every": 0.1, "bond_tolerance": 1e3}
        settings |= {"spread_limit": limit, "on_spread": action, "timestep": 1.0}
        out = tmp_path / "replica"
        program, projection = str(tmp_path / export / "model.json"), str(tmp_path / "made.h5")
        arguments = ["--settings", json.dumps({"simulate": settings}), "--program", program]
        arguments += ["--projection", projection, "--replica", "0", "--out", str(out)]
        assert simulate.main(arguments) == 0
        return read_json(out / "simulation.json", "simulation")

    warned = simulated("ensemble", 1e-3, "warn")
    assert warned["survived"] and warned["uncertain_steps"] == 201
    assert "in 201 steps beyond simulate.spread_limit" in capsys.readouterr().err
    stopped = simulated("ensemble", 1e-3, "stop")
    assert not stopped["survived"] and stopped["steps"] == 0 and "kcal/mol/Å apart" in stopped["death"]["reason"]
    assert (tmp_path / "replica" / UNCERTAIN).is_file()
    calm = simulated("ensemble", 1e4, "stop")
    assert calm["survived"] and 0 < calm["max_spread"] < 1e4 and calm["uncertain_steps"] == 0
    assert not (tmp_path / "replica" / UNCERTAIN).exists()
    with pytest.raises(UserError, match=r"simulate\.spread_limit needs an ensemble, this is one model"):
        simulated("best", 1.0, "stop")
