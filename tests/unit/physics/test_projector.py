"""Both passes of the projection on synthetic files; cannot detect what real forces do to a map."""

import json

import h5py
import numpy as np
import pytest
from synthetic_mdcath import SyntheticProtein, write_mdcath

from cgpipe.data.readers import reader as readers
from cgpipe.data.readers.mdcath import open_mdcath
from cgpipe.errors import UserError
from cgpipe.physics import spool
from cgpipe.physics.projector import Choices, project
from cgpipe.project import main
from cgpipe.stage import run

PROTEIN = SyntheticProtein(["ALA", "GLY", "SER", "HSD"])


@pytest.fixture
def file(tmp_path):
    return write_mdcath(tmp_path / "m.h5", PROTEIN, {"320/0": 60, "348/0": 50, "348/1": 40})


def projected(path, stride=1, replicas=(), **choices):
    with open_mdcath(path, "", (), replicas, stride) as reader:
        return project("prot", reader, Choices(**{"map": "optimal", "constraints": "none", **choices}))


def test_arrays_are_the_mapped_frames(file):
    # detects positions and forces of different frames or atoms, wrong origins, and labels by a map that has seen them
    projection = projected(file)
    assert projection.R.shape == projection.F.shape == (150, 4, 3)
    assert projection.residue_name == ("ALA", "GLY", "SER", "HIS")
    row = 60 + 50 + 7
    assert projection.trajectories[projection.trajectory[row]] == "348/1"
    assert (projection.frame[row], projection.temperature[row]) == (7, 348.0)
    with h5py.File(file) as raw:
        group = raw["synth/348/1"]
        assert np.array_equal(projection.R[row], group["coords"][7][2::6])
        # the map of the other trajectories: those of replica 0
        unseen = projected(file, replicas=(0,)).W
        assert np.allclose(projection.F[row], unseen @ group["forces"][7].astype(np.float64), atol=1e-4)


def test_chunking_and_stride_change_nothing_but_the_frames(file, monkeypatch):
    # detects folds or sums that depend on how much is read at a time
    whole = projected(file, stride=2)
    monkeypatch.setattr(readers, "CHUNK_BYTES", 24 * 24 * 7)
    parts = projected(file, stride=2)
    assert np.allclose(whole.W, parts.W, atol=1e-10)
    assert np.array_equal(whole.frame, parts.frame)
    assert parts.quality["rms_heldout"] == pytest.approx(whole.quality["rms_heldout"], rel=1e-12)


def test_quality(file):
    # detects held-out figures of the two passes that differ, and figures of other maps mixed up
    quality = projected(file).quality
    assert quality["rms"]["optimal"] < quality["rms_heldout"]["optimal"] < quality["rms"]["uniform"]
    assert quality["rms"]["uniform"] == pytest.approx(quality["rms"]["slice"])  # nothing is constrained here
    by_temperature = quality["rms_heldout_by_temperature"]
    both = np.sqrt((60 * by_temperature["320"] ** 2 + 90 * by_temperature["348"] ** 2) / 150)
    assert both == pytest.approx(quality["rms_heldout"]["optimal"], rel=1e-6)
    assert (quality["free_coefficients"], quality["frames"], quality["frames_dropped"]) == (20, 150, 0)
    assert quality["overfit_ratio"] == pytest.approx(20 / 450)


def test_window_and_auto(file):
    # detects coefficients outside the window, figures of another map, and a choice that is not by held-out RMS
    whole, window, auto = (projected(file, map=kind) for kind in ("optimal", "window", "auto"))
    residue = np.arange(24) // 6
    assert not window.W[np.abs(residue - np.arange(4)[:, None]) > 1].any()
    assert "optimal" not in window.quality["rms"]
    heldout = auto.quality["rms_heldout"]
    assert heldout["window"] == pytest.approx(window.quality["rms_heldout"]["window"], rel=1e-9)
    assert heldout["optimal"] == pytest.approx(whole.quality["rms_heldout"]["optimal"], rel=1e-9)
    used = auto.quality["map"]
    assert heldout[used] == min(heldout.values())
    assert auto.quality["map_asked"] == "auto"
    assert np.allclose(auto.W, {"optimal": whole, "window": window}[used].W, atol=1e-12)
    assert auto.quality["free_coefficients"] == {"optimal": 20, "window": 15}[used]
    both = np.sqrt((window.F.astype(float) ** 2).mean())
    assert both == pytest.approx(window.quality["rms_heldout"]["window"], rel=1e-6)


def test_wider_windows(file):
    # detects a key that does nothing
    assert projected(file, map="window", window=3).quality["free_coefficients"] == 20
    assert np.allclose(projected(file, map="window", window=3).W, projected(file).W, atol=1e-10)


def test_spool_on_disk_changes_nothing(file, monkeypatch):
    whole = projected(file)
    monkeypatch.setattr(spool, "IN_MEMORY", 0)
    assert np.array_equal(projected(file).F, whole.F)


@pytest.mark.parametrize("kind", ["uniform", "slice"])
def test_baseline_maps(file, kind):
    # detects forces of another map than the one asked for
    projection = projected(file, map=kind)
    assert projection.quality["map"] == kind
    with h5py.File(file) as raw:
        assert np.allclose(projection.F[0], raw["synth/320/0/forces"][0][2::6], atol=1e-5)
    assert np.sqrt((projection.F.astype(float) ** 2).mean()) == pytest.approx(projection.quality["rms_heldout"][kind])


def test_single_trajectory_is_folded_by_blocks_of_time(tmp_path):
    # detects a held-out figure that is missing or in sample where there is one trajectory
    path = write_mdcath(tmp_path / "one.h5", PROTEIN, {"348/0": 80})
    projection = projected(path, folds=2)
    with h5py.File(path) as raw:
        rows = raw["synth/348/0/forces"][()].astype(float).transpose(0, 2, 1).reshape(8, 30, 24)
    halves = [rows[turn::2].reshape(-1, 24) for turn in (0, 1)]  # blocks of ten frames take turns
    alpha, free = np.arange(2, 24, 6), np.setdiff1d(np.arange(24), np.arange(2, 24, 6))
    squares = 0.0
    for fit, rest in (halves, halves[::-1]):
        slope = np.linalg.lstsq(fit[:, free], fit[:, alpha], rcond=None)[0]
        squares += ((rest[:, alpha] - rest[:, free] @ slope) ** 2).sum()
    expected = np.sqrt(squares / (80 * 12))
    assert projection.quality["rms_heldout"]["optimal"] == pytest.approx(expected, rel=1e-9)
    assert projection.quality["rms_heldout_by_temperature"]["348"] == pytest.approx(expected, rel=1e-6)


def test_net_force_and_torque(file):
    # detects torques about another point than the centre, and figures per frame instead of per component
    projection = projected(file)
    R, F = projection.R.astype(float), projection.F.astype(float)
    torque = np.cross(R - R.mean(axis=1, keepdims=True), F).sum(axis=1)
    assert projection.quality["net_force_rms"] == pytest.approx(np.sqrt((F.sum(axis=1) ** 2).mean()), rel=1e-5)
    assert projection.quality["net_torque_rms"] == pytest.approx(np.sqrt((torque**2).mean()), rel=1e-5)


def test_bad_frame(file):
    # detects a frame that is refused without its place, or dropped without count
    with h5py.File(file, "a") as raw:
        raw["synth/348/1/forces"][3, 2, 1] = np.nan
    with pytest.raises(UserError, match=r"prot: .*temperature 348, replica 1, frame 3: NaN"):
        projected(file)
    projection = projected(file, non_finite="drop")
    assert (projection.quality["frames"], projection.quality["frames_dropped"]) == (149, 1)
    kept = projection.frame[projection.trajectory == 2].tolist()
    assert kept == [0, 1, 2, *range(4, 40)]


def test_nothing_left(file):
    with h5py.File(file, "a") as raw:
        for name in ("320/0", "348/0", "348/1"):
            raw[f"synth/{name}/forces"][:] = np.nan
    with pytest.raises(UserError, match="no usable frame is left, 150 were dropped"):
        projected(file, non_finite="drop")


def test_overfit_is_refused_and_warned_of(tmp_path):
    # detects the guard not being asked, and a warning that is lost
    few = write_mdcath(tmp_path / "few.h5", PROTEIN, {"348/0": 10, "348/1": 10})
    with pytest.raises(UserError, match=r"prot: 20 free .* ratio of 0\.33, above project\.max_overfit 0\.3"):
        projected(few)
    projected(few, map="uniform")
    more = write_mdcath(tmp_path / "more.h5", PROTEIN, {"348/0": 20, "348/1": 20})
    assert "overfit ratio 0.17" in projected(more).quality["notes"][0]


def test_molecule_cut_by_the_box(file):
    # detects positions that jump across a periodic boundary
    with h5py.File(file, "a") as raw:
        raw["synth/348/0/coords"][5, 12:] += [30.0, 0.0, 0.0]
    with pytest.raises(UserError, match=r"replica 0, frame 5: .* are 31\.\d Å apart.*periodic boundary"):
        projected(file)


def test_gap_is_no_broken_molecule(tmp_path):
    # detects a distance check across a gap in the chain
    gapped = SyntheticProtein(["ALA"] * 4, unbonded_after=(1,))
    path = write_mdcath(tmp_path / "gap.h5", gapped, {"348/0": 60})
    with h5py.File(path, "a") as raw:
        raw["synth/348/0/coords"][:, 12:] += np.float32([30.0, 0.0, 0.0])
    assert projected(path).residue.tolist() == [1, 2, 4, 5]


def test_skipped_replicas_are_noted(file):
    with h5py.File(file, "a") as raw:
        raw.create_group("synth/348/4")
    assert projected(file).quality["notes"] == ["348/4 is empty"]


def test_stage_exit_codes(file, tmp_path, capsys):
    # detects tracebacks for the user's mistakes, and files left behind by a failed run
    source = {"source": "mdcath", "path": str(file)}
    chosen = {"protein": source, "species": {}, "project": {"constraints": "none"}}
    arguments = ["--protein", "prot", "--out", str(tmp_path / "p.h5"), "--settings"]
    assert run(main, [*arguments, json.dumps(chosen)]) == 0
    (tmp_path / "p.h5").unlink()
    with h5py.File(file, "a") as raw:
        raw["synth/320/0/coords"][1] = np.inf
    assert run(main, [*arguments, json.dumps(chosen)]) == 2
    assert "error: prot: " in capsys.readouterr().err
    assert run(main, [*arguments, json.dumps(chosen | {"protein": {**source, "strid": 2}})]) == 2
    assert "--settings: protein.mdcath.strid" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.h5"]
