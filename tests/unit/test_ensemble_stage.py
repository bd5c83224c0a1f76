"""The ensemble stage: the spread of forces that it tells, and the two ways of choosing the best member."""

import json
from dataclasses import replace
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from synthetic_program import (
    bonded_potential,
    chain_positions,
    chain_projection,
    chain_topology,
    tiny_potential,
    write_dataset,
)

from cgpipe import ensemble
from cgpipe.artefact import header, read_json
from cgpipe.data.species import vocabulary
from cgpipe.data.store import open_dataset
from cgpipe.data.topology import Topology
from cgpipe.dynamics import contest
from cgpipe.dynamics.field import force_field
from cgpipe.dynamics.plans import bond_watch
from cgpipe.dynamics.stability import living_frames
from cgpipe.dynamics.trials import Condition, Trials
from cgpipe.ensemble import force_spread
from cgpipe.model.ensemble import Ensemble
from cgpipe.model.serialise import save_model


def test_spread_is_that_of_the_members(tmp_path):
    """A member and its threefold are one force away from their mean; catches wrong frames and a missing protein."""
    write_dataset(tmp_path / "dataset.h5", [chain_projection(9, name="long"), chain_projection(6, name="short")])
    one = tiny_potential(8)
    threefold = eqx.tree_at(lambda p: p.network.type_scale, one, replace_fn=lambda scale: 3.0 * scale)
    with open_dataset(tmp_path / "dataset.h5") as dataset:
        same = force_spread(Ensemble.of([one, one]), dataset)
        apart = force_spread(Ensemble.of([one, threefold]), dataset)
        R = dataset.load_protein("short", "test").R
    assert set(same) == set(apart) == {"long", "short"}
    assert max(same.values()) < 1e-5
    frames = np.linspace(0, len(R) - 1, 32).astype(int)
    topology = Topology(*map(jnp.asarray, chain_topology(6)))
    forces = jax.jit(jax.vmap(lambda x: one.evaluate(x, topology).forces))(jnp.asarray(R[frames]))
    assert apart["short"] == pytest.approx(float(jnp.sqrt(jnp.mean(forces**2))), rel=1e-4)


BEADS = 6
CONTEST = {"timestep": 4.0, "damping": 0.5, "bond_tolerance": 1.0}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of frames that seed 0 made, and two trainings: seed 1 has the lower loss, and bonds 0.4 Å too long."""
    folder = tmp_path_factory.mktemp("trained")
    right = bonded_potential(BEADS - 1)
    wrong = eqx.tree_at(lambda p: p.prior.bond_r0, right, replace_fn=lambda length: 1.1 * length)
    projection = replace(chain_projection(BEADS), temperature=np.full(8, 348.0, np.float32))
    topology = chain_topology(BEADS)
    masses = np.array(vocabulary("residues").masses)[topology.species]
    trials = Trials(force_field(right, topology), BEADS - 1, masses, bond_watch(projection, 9.0), 8)
    condition = Condition("reference", 348.0, 4.0, 0.5)
    made = trials.run(trials.start(projection.R.astype(np.float64), condition), condition, 20.0, 200.0)
    R = living_frames(made)[80:].astype(np.float32)
    rows = np.zeros(len(R), np.int32)
    many = {"temperature": np.full(len(R), 348.0, np.float32), "trajectory": rows, "frame": rows}
    write_dataset(folder / "dataset.h5", [replace(projection, R=R, F=np.zeros_like(R), **many)], split="train")
    for seed, (model, loss) in enumerate(((right, 2.0), (wrong, 1.0))):
        path = folder / f"seed-{seed}" / "model.eqx"
        path.parent.mkdir()
        save_model(path, model, header("model", {"seed": seed}, {}), {})
        last = {"final": True, "val_mse": loss, "val_rmse": loss**0.5, "val_r2": 0.1}
        lines = [{"header": header("metrics", {"seed": seed}, {})}, last]
        path.with_name("metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def chosen_by(folder: Path, how: dict[str, float] | None, out: Path) -> dict:
    """Content of ensemble.json after a run of the stage."""
    arguments = ["--settings", json.dumps({"contest": how}), "--dataset", str(folder / "dataset.h5"), "--out", str(out)]
    for key, file in (("--metrics", "metrics.jsonl"), ("--models", "model.eqx")):
        arguments += [key, *(str(folder / f"seed-{seed}" / file) for seed in (0, 1))]
    assert ensemble.main(arguments) == 0
    return read_json(out, "ensemble")


def test_a_bad_structure_loses_in_dynamics_whatever_its_loss(trained: Path, tmp_path: Path, monkeypatch):
    """Detects a choice that ignores its key, ranks upside down, and members that are given each other's replicas."""
    monkeypatch.setattr(contest, "PICOSECONDS", 6.0)
    by_force = chosen_by(trained, None, tmp_path / "force.json")
    assert by_force["best_seed"] == 1 and by_force["ranking_force"] == [1, 0] and "dynamics" not in by_force
    found = chosen_by(trained, CONTEST, tmp_path / "dynamics.json")
    assert found["best_seed"] == 0 and found["selected_by"] == "dynamics"
    assert found["ranking_force"] == [1, 0] and found["ranking_dynamics"] == [0, 1]
    right, wrong = found["dynamics"]["seed-0"], found["dynamics"]["seed-1"]
    assert right["survived"] == wrong["survived"] == right["replicas"] == contest.REPLICAS
    assert right["js"] < 0.1 < wrong["js"]


def test_test_frames_take_no_part(tmp_path: Path):
    """Detects a choice that has seen the frames which are to judge it: a protein of test frames only is passed by."""
    write_dataset(tmp_path / "dataset.h5", [chain_projection(BEADS)])
    with open_dataset(tmp_path / "dataset.h5") as dataset:
        assert contest._proteins(dataset) == []


def test_who_survives_comes_before_who_looks_right():
    """Detects a divergence that outweighs deaths, and a member without frames that wins."""
    scores = [(7, 0.01), (8, 0.3), (8, 0.2), (0, None)]
    found = [{"survived": survived, "js": js, "js_error": 0.01} for survived, js in scores]
    assert contest.ranking(found, [1.0] * 4) == [2, 1, 0, 3]


def test_noise_does_not_choose():
    """Two members that the error cannot set apart are ranked by force; detects a choice by the last digit."""
    found = [{"survived": 8, "js": js, "js_error": 0.01} for js in (0.1, 0.12, 0.2)]
    assert contest.ranking(found, [2.0, 1.0, 0.5]) == [1, 0, 2]


def test_the_error_of_a_divergence_is_that_of_repetition():
    """Jackknife against the scatter of 40 repetitions, within a factor of 1.6; detects an error over frames."""
    generator, topology = np.random.default_rng(0), chain_topology(BEADS)

    def runs(count: int) -> list[np.ndarray]:
        shape = (BEADS, 3)
        centres = [chain_positions(BEADS) + generator.normal(scale=0.3, size=shape) for _ in range(count)]
        return [centre + generator.normal(scale=0.2, size=(30, *shape)) for centre in centres]

    reference = np.concatenate(runs(100))
    values, errors = np.array([contest.divergence(topology, reference, runs(8)) for _ in range(40)]).T
    assert 1 / 1.6 < np.sqrt(np.mean(errors**2)) / values.std() < 1.6
