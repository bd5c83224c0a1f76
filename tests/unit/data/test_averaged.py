"""Mean forces to train on, through the dataset stage: what is stored, with which weight, and what must not change.

Cannot detect labels that are wrong, nor a configuration that is a test frame's neighbour in time.
"""

import json
from dataclasses import replace

import numpy as np
import pytest
from dataset_runs import arguments, settings
from test_projection import projection

from cgpipe.artefact import header, read_json
from cgpipe.data.projection import write_projection
from cgpipe.data.splits import SPLITS
from cgpipe.data.store import open_dataset
from cgpipe.dataset import main
from cgpipe.errors import UserError

BEADS, SD = 7, 3.0
ERROR = np.array([0.3, 0.5, 1.0, 1.5, 3.0])


def labels(path, **changes):
    """Five new configurations of seven alanines, closer together than any frame, with errors of their own."""
    random = np.random.default_rng(5)
    R = random.normal(0, 3, (len(ERROR), BEADS, 3)) + 40.0
    arrays = {
        "R": R,
        "F_opt": random.normal(0, 6, R.shape),
        "se_opt": np.broadcast_to(0.8 * ERROR[:, None, None], R.shape),
        "sd_opt": np.full(R.shape, SD),
        "temperature": np.full(len(R), 348.0),
        "resname": np.array(["ALA"] * BEADS),
    }
    arrays |= changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return arrays


@pytest.fixture
def trained_on(tmp_path, files):
    """Datasets without and with mean forces, and what they were made from."""
    made = labels(tmp_path / "labels.npz")
    (tmp_path / "without").mkdir()
    main(arguments(tmp_path / "without", files))
    main([*arguments(tmp_path, files), "--mean-force-train", "longer", str(tmp_path / "labels.npz")])
    return tmp_path, made


def test_frames_come_back_with_weight_and_origin(trained_on):
    """Detects forces of another configuration, frames off the middle, weights not squared or of another frame."""
    folder, made = trained_on
    with open_dataset(folder / "d.h5") as dataset:
        frames = dataset.load_protein("longer", "mean_force")
        np.testing.assert_array_equal(frames.F, made["F_opt"].astype(np.float32))
        np.testing.assert_allclose(frames.R, made["R"] - made["R"].mean(axis=1, keepdims=True), atol=1e-5)
        np.testing.assert_allclose(frames.weight, (SD / (0.8 * ERROR)) ** 2, rtol=1e-6)
        assert frames.averaged.all() and frames.frame.tolist() == list(range(len(ERROR)))
        assert set(frames.temperature.tolist()) == {348.0}
        chain = dataset.proteins[frames.protein[0]]
        assert {chain.trajectories[t] for t in frames.trajectory} == {"mean_force_train"}
        (source,) = (one for one in dataset.stored("train", "mean_force") if one.averaged.any())
        assert source.averaged.sum() == len(ERROR)
        np.testing.assert_array_equal(source.weight[source.averaged], frames.weight)
        assert (source.weight[~source.averaged] == 1.0).all()
        np.testing.assert_array_equal(source.take(np.flatnonzero(source.averaged)).F, frames.F)
        assert "mean forces of longer to train on" in dataset.header["inputs"]


def test_nothing_but_training_and_capacities_sees_them(trained_on):
    """Detects mean forces in a set, in the force scale, the diagnostics or the NPZ; or a frame without room."""
    folder, _ = trained_on
    with open_dataset(folder / "d.h5") as dataset, open_dataset(folder / "without/d.h5") as plain:
        for split in SPLITS:
            ours, theirs = (one.load_protein("longer", split) for one in (dataset, plain))
            np.testing.assert_array_equal(ours.F, theirs.F)
            assert not ours.averaged.any() and (ours.weight == 1.0).all()
        ours, theirs = dataset.statistics, plain.statistics
        changed = {key for key in ours if ours[key] != theirs[key]}
        assert changed == {"max_neighbours", "neighbour_slots", "neighbour_capacity", "proteins"} & changed
        assert ours["max_neighbours"] >= theirs["max_neighbours"]
        summary = ours["proteins"]["longer"]["mean_forces"]
        unplaced = {"runs": [], "of_unknown_runs": 5, "left_out": {}}
        assert summary == unplaced | {
            "configurations": 5,
            "single_frames": pytest.approx(np.sum((SD / (0.8 * ERROR)) ** 2)),
        }
        without = unplaced | {"configurations": 0, "single_frames": 0.0, "of_unknown_runs": 0}
        assert ours["proteins"]["short"]["mean_forces"] == without
    first, second = (read_json(at / "d.json", "dataset-summary") for at in (folder, folder / "without"))
    assert first["diagnostics"] == second["diagnostics"] and first["splits"] == second["splits"]
    with np.load(folder / "d.npz") as npz, np.load(folder / "without/d.npz") as other:
        np.testing.assert_array_equal(npz["F"], other["F"])


def test_far_beads_do_not_reach_the_parking_place(tmp_path, files):
    """Detects padding that lies within a mean-force configuration larger than all frames."""
    R = labels(tmp_path / "labels.npz")["R"]
    labels(tmp_path / "labels.npz", R=20.0 * R)
    main([*arguments(tmp_path, files), "--mean-force-train", "longer", str(tmp_path / "labels.npz")])
    with open_dataset(tmp_path / "d.h5") as dataset:
        farthest = np.abs(dataset.load_protein("longer", "mean_force").R).max()
        assert dataset.statistics["parked_at"] >= farthest + dataset.cutoff


def test_frames_at_their_configurations_do_not_judge(tmp_path, files):
    """Detects validation or test frames whose mean force was learnt, and training frames lost without need."""
    made = projection("longer", frames=200, beads=BEADS)
    rows = np.arange(0, 200, 9)
    F, error = made.F[rows].astype(float), np.full((len(rows), BEADS, 3), 0.5)
    changes = {"F_opt": F, "se_opt": error, "sd_opt": 4 * error, "temperature": np.full(len(rows), 348.0)}
    labels(tmp_path / "labels.npz", R=made.R[rows], **changes)
    main([*arguments(tmp_path, files), "--mean-force-train", "longer", str(tmp_path / "labels.npz")])
    with open_dataset(tmp_path / "d.h5") as dataset:
        judging = [dataset.load_protein("longer", split).frame for split in ("val", "test")]
        assert not np.isin(np.concatenate(judging), rows).any()
        assert np.isin(dataset.load_protein("longer", "train").frame, rows).any()
        assert dataset.statistics["proteins"]["longer"]["frames_reserved"] > 2


@pytest.mark.parametrize("placed", [True, False])
@pytest.mark.parametrize("changes", [{"split": "trajectories"}, {"fold": "1/2"}])
def test_runs_that_are_left_out_of_training_bring_no_mean_forces_into_it(tmp_path, capsys, changes, placed):
    """Detects a test or validation run that is trained on through its mean forces, found by positions or by name, and
    frames that such labels take from the test; cannot detect a run that neither tells."""
    made = projection("longer", frames=200, beads=BEADS)
    names = tuple(f"348/{number}" for number in range(5))
    run = np.repeat(np.arange(5, dtype=np.int32), 40)
    made = replace(made, trajectories=names, trajectory=run, frame=np.tile(np.arange(40, dtype=np.int32), 5))
    write_projection(tmp_path / "longer.h5", made, header("projection", {}, {}))
    rows = np.arange(20, 200, 40)
    if placed:
        labels(tmp_path / "labels.npz", R=made.R[rows].astype(float))
    else:
        labels(tmp_path / "labels.npz", trajectory=np.array([f"longer/{name}" for name in names]))
    given = ["--mean-force-train", "longer", str(tmp_path / "labels.npz")]
    main([*arguments(tmp_path, [tmp_path / "longer.h5"], **changes), *given])
    with open_dataset(tmp_path / "d.h5") as dataset:
        trained = set(dataset.load_protein("longer", "train").trajectory.tolist())
        stored = dataset.load_protein("longer", "mean_force").F
        np.testing.assert_array_equal(stored, np.load(tmp_path / "labels.npz")["F_opt"][sorted(trained)].astype("f4"))
        summary = dataset.statistics["proteins"]["longer"]
        tested = set(dataset.load_protein("longer", "test").trajectory.tolist())
        assert len(tested) >= 1 and sum(summary["frames"].values()) == 200
        assert all((dataset.load_protein("longer", "test").trajectory == run).sum() == 40 for run in tested)
    assert summary["mean_forces"]["runs"] == [names[number] for number in sorted(trained)]
    assert summary["mean_forces"]["left_out"] == {names[n]: 1 for n in range(5) if n not in trained}
    lost = 5 - len(trained)
    assert f"note: longer: {lost} mean forces to train on are left out" in capsys.readouterr().err


def test_mean_forces_of_unknown_runs_are_told_where_runs_judge(tmp_path, files, capsys):
    """Detects silence about labels that may be of a run that is left out, and a warning where none is."""
    labels(tmp_path / "labels.npz")
    given = ["--mean-force-train", "longer", str(tmp_path / "labels.npz")]
    main([*arguments(tmp_path, files), *given])
    assert "nobody knows" not in capsys.readouterr().err
    main([*arguments(tmp_path, files, fold="1/2"), *given])
    assert "warning: longer: nobody knows of which runs 5 mean forces to train on are" in capsys.readouterr().err


REFUSED = {
    "another protein": ({"resname": np.array(["ALA"] * 6 + ["GLY"])}, {}, "ALA-GLY, but longer is"),
    "other beads": ({name: np.ones((5, 6, 3)) for name in ("R", "F_opt", "se_opt", "sd_opt")}
                    | {"resname": np.array(["ALA"] * 6)}, {}, "6 beads, but it has 7"),
    "no noise": ({"sd_opt": None}, {}, "no sd_opt"),
    "no error": ({"se_opt": np.zeros((5, BEADS, 3))}, {}, "is zero"),
    "temperature": ({"temperature": np.full(5, 300.0)}, {}, "300 K, but longer has frames at 348 K"),
    "held out": ({}, {"held_out": ["longer", "again"]}, "longer: the protein is kept out of training"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(tmp_path, files, name):
    """Detects a traceback, or labels that go into training all the same."""
    changes, options, message = REFUSED[name]
    labels(tmp_path / "labels.npz", **changes)
    with pytest.raises(UserError, match=message):
        main([*arguments(tmp_path, files, **options), "--mean-force-train", "longer", str(tmp_path / "labels.npz")])
    assert not (tmp_path / "d.h5").exists()


def test_the_test_set_is_not_trained_on(tmp_path, files):
    """A configuration in both files, turned and under another protein's name. Detects a test set that leaks."""
    R = labels(tmp_path / "train.npz")["R"]
    turned = R[:, :, [1, 2, 0]] - 7.0
    labels(tmp_path / "test.npz", R=np.concatenate([2 * turned[:4], turned[4:]]))
    given = [*arguments(tmp_path, files), "--mean-force-train", "longer", str(tmp_path / "train.npz")]
    with pytest.raises(UserError, match=r"of longer: 1 configurations \(the first is number 4\) are also in .* again"):
        main([*given, "--mean-force", "again", str(tmp_path / "test.npz")])
    labels(tmp_path / "test.npz", R=2 * turned)
    main([*given, "--mean-force", "again", str(tmp_path / "test.npz")])


def test_labels_of_a_protein_that_is_not_there(tmp_path, files):
    """Detects a misspelt name whose labels nobody misses."""
    labels(tmp_path / "labels.npz")
    with pytest.raises(UserError, match="mean forces of 'other', but the projections are of short, longer, again"):
        main([*arguments(tmp_path, files), "--mean-force-train", "other", str(tmp_path / "labels.npz")])


def test_weights_go_by_quota_and_protein_too(tmp_path, files):
    """Detects a quota that takes mean forces away, or a protein's weight that changes what is stored per frame."""
    labels(tmp_path / "labels.npz")
    given = [*arguments(tmp_path, files), "--mean-force-train", "longer", str(tmp_path / "labels.npz")]
    given[1] = json.dumps(settings() | {"quotas": {"longer": 50}, "weights": {"longer": 2.5}})
    main(given)
    with open_dataset(tmp_path / "d.h5") as dataset:
        assert sum(dataset.statistics["proteins"]["longer"]["frames"].values()) == 50
        np.testing.assert_allclose(
            dataset.load_protein("longer", "mean_force").weight, (SD / (0.8 * ERROR)) ** 2, rtol=1e-6
        )
