"""Configurations of mean forces by whether their run is trained on; cannot detect what a model makes of either."""

from dataclasses import replace

import numpy as np
import pytest
from dataset_runs import arguments
from test_projection import projection

from cgpipe.artefact import header
from cgpipe.data.mean_forces import MeanForces, read_mean_forces
from cgpipe.data.origins import origins, trained_runs
from cgpipe.data.projection import write_projection
from cgpipe.data.store import open_dataset
from cgpipe.dataset import main
from cgpipe.errors import UserError

NAMES = ("348/0", "348/1", "348/2", "348/3", "348/4")
LENGTH = 20


def runs():
    made = projection("short", frames=LENGTH * len(NAMES), beads=4)
    return replace(
        made,
        trajectories=NAMES,
        trajectory=np.repeat(np.arange(len(NAMES), dtype=np.int32), LENGTH),
        frame=np.tile(np.arange(LENGTH, dtype=np.int32), len(NAMES)),
    )


def labels(R, trajectory=None):
    forces = np.zeros(R.shape)
    return MeanForces(R.astype(np.float64), forces, forces, None, 348.0, ("ALA",) * 4, trajectory)


@pytest.fixture
def dataset(tmp_path):
    write_projection(tmp_path / "short.h5", runs(), header("projection", {}, {}))
    assert main(arguments(tmp_path, [tmp_path / "short.h5"], split="trajectories")) == 0
    with open_dataset(tmp_path / "d.h5") as opened:
        yield opened


def test_a_configuration_is_of_the_run_that_has_its_frame(dataset):
    """Detects configurations of left-out runs that count as trained on, and the other way round, turned or not."""
    made = runs()
    trained = trained_runs(made, dataset)
    assert len(trained) == 3
    turned = made.R[3::LENGTH][..., [1, 2, 0]] + 7.0
    found = origins(labels(turned), made, dataset)
    assert found.seen.tolist() == [name in trained for name in NAMES]
    assert found.unseen.tolist() == [name not in trained for name in NAMES]
    assert set(found.seen_runs) == trained and set(found.unseen_runs) == set(NAMES) - trained


def test_a_frame_that_is_not_kept_is_of_the_run_that_the_file_names(dataset):
    """Detects configurations between the frames that a stride keeps, of a run that is trained on, called unseen, and a
    run that counts as unseen because it is spelt with the protein's name, is in no file here, or has no name."""
    made = runs()
    trained = sorted(trained_runs(made, dataset))[0]
    other = next(name for name in NAMES if name not in trained_runs(made, dataset))
    thinned = made.take(np.arange(0, len(made), 2))
    R = np.random.default_rng(5).normal(0, 5, (5, 4, 3))
    named = origins(labels(R, (trained, other, f"short/{trained}", f"short/{other}", "another/0")), thinned, dataset)
    assert named.seen.tolist() == [True, False, True, False, False]
    assert named.unseen.tolist() == [False, True, False, True, False]
    assert named.seen_runs == [trained] and named.unseen_runs == [other]
    for frames in (thinned, made):  # whose frames are numbered from 0 without a gap, as those of a thinned file are
        nobody_knows = origins(labels(R), frames, dataset)
        assert not nobody_knows.seen.any() and not nobody_knows.unseen.any()


@pytest.mark.parametrize("names", [None, "the run's", "another"])
def test_runs_of_mean_forces_to_train_on_are_trained_on(tmp_path, dataset, names):
    """Detects a run that mean forces at no frame bring into training, or may bring, and that counts as unseen."""
    made = runs()
    trained = sorted(trained_runs(made, dataset))[0]
    other = next(name for name in NAMES if name not in trained_runs(made, dataset))
    R = np.random.default_rng(6).normal(0, 5, (2, 4, 3))
    learnt = {"R": R, "F_opt": R, "se_opt": np.ones(R.shape), "sd_opt": np.ones(R.shape)}
    learnt |= {"temperature": np.full(2, 348.0), "resname": np.array(["ALA"] * 4)}
    if names:
        learnt["trajectory"] = np.array([trained if names == "the run's" else "another/0"] * 2)
    np.savez(tmp_path / "learnt.npz", **learnt)
    given = ["--mean-force-train", "short", str(tmp_path / "learnt.npz")]
    assert main([*arguments(tmp_path, [tmp_path / "short.h5"], split="trajectories"), *given]) == 0
    with open_dataset(tmp_path / "d.h5") as opened:
        assert len(opened.load_protein("short", "mean_force").R) == 2
        found = origins(labels(np.random.default_rng(7).normal(0, 5, (2, 4, 3)), (trained, other)), made, opened)
    assert found.seen.tolist() == [True, False] and found.unseen.tolist() == [False, names == "the run's"]


def test_names_that_are_no_names_are_refused(tmp_path):
    """Detects numbers of replicas taken for names of runs, so that every configuration would count as unseen."""
    arrays = {"R": np.zeros((2, 4, 3)), "F_opt": np.zeros((2, 4, 3)), "se_opt": np.ones((2, 4, 3))}
    arrays |= {"temperature": np.full(2, 348.0), "resname": np.array(["ALA"] * 4)}
    np.savez(tmp_path / "m.npz", **arrays, trajectory=np.array([0, 1]))
    with pytest.raises(UserError, match="trajectory holds int64, expected names of runs such as '348/0'"):
        read_mean_forces(tmp_path / "m.npz")
    np.savez(tmp_path / "m.npz", **arrays, trajectory=np.array(["348/0", "348/1"]))
    read = read_mean_forces(tmp_path / "m.npz")
    assert read.trajectory == ("348/0", "348/1") and read.take(np.array([1])).trajectory == ("348/1",)


def test_a_dataset_that_does_not_tell_is_refused(dataset):
    """Detects a traceback where an earlier version's dataset is met."""
    dataset.statistics["proteins"]["short"]["mean_forces"] = {"configurations": 0}
    with pytest.raises(UserError, match=r"of short to train on.*rerun the dataset stage"):
        trained_runs(runs(), dataset)
