"""``cgpipe inspect`` on a small dataset: files, numbers that agree with the stage's own, text. Looks need eyes."""

import numpy as np
import pytest

from cgpipe.artefact import header, read_json
from cgpipe.cli import main as cli
from cgpipe.data.projection import Projection, write_projection
from cgpipe.dataset import main

SETTINGS = (
    '{"dataset": {"block_frames": 10, "gap_frames": 1, "npz": false}, "vocabulary": "residues", "val_fraction": 0.1, '
    '"cutoff": 12.0, "families": {}}'
)


@pytest.fixture
def made(tmp_path):
    random = np.random.default_rng(0)
    for name, beads in {"one": 5, "two": 9}.items():
        R = np.cumsum(random.normal(2, 0.3, (120, beads, 3)), axis=1).astype(np.float32)
        F = random.normal(0, 9, R.shape).astype(np.float32)
        F[60, 1] *= 50
        rows = np.arange(beads, dtype=np.int32)
        frames = np.arange(120, dtype=np.int32)
        projection = Projection(
            name, R, F, ("GLY",) * beads, rows * 0, rows, np.full(120, 300, np.float32), ("300/0",), frames * 0,
            frames, np.eye(beads), ("CA",) * beads, ("1",) * beads, {"rms_heldout": {}},
        )  # fmt: skip
        write_projection(tmp_path / f"{name}.h5", projection, header("projection", {}, {}))
    files = [str(tmp_path / f"{name}.h5") for name in ("one", "two")]
    out = ["--out", str(tmp_path / "d.h5"), "--summary", str(tmp_path / "d.json")]
    assert main(["--settings", SETTINGS, "--projections", *files, *out]) == 0
    return tmp_path


def test_inspect(made, capsys):
    """Detects findings that differ between the stage and the command, and figures that are missing or empty."""
    capsys.readouterr()
    assert cli(["inspect", str(made / "d.h5"), "--out", str(made / "look")]) == 0
    text = capsys.readouterr().out
    assert "one: 300/0 frame 60: |F| = " in text and "2 forces more than 10 robust deviations" in text
    found = read_json(made / "look" / "diagnostics.json", "diagnostics")
    stage = read_json(made / "d.json", "dataset-summary")["diagnostics"]
    for name in ("one", "two"):
        ours, theirs = found["proteins"][name], stage["proteins"][name]
        assert ours["outliers"]["worst"][0]["frame"] == theirs["outliers"]["worst"][0]["frame"] == 60
        assert ours["force_rms"] == pytest.approx(theirs["force_rms"])
        assert ours["bonds"] == pytest.approx(theirs["bonds"], rel=1e-4)
        assert ours["autocorrelation"]["frames"] == theirs["autocorrelation"]["frames"]
    assert found["padding"]["longest"]["padded"] > 0
    names = {path.stem for path in (made / "look").glob("*.png")}
    assert names == {"residues", "magnitudes", "memory", "bonds", "angles", "padding"}
    assert all(path.stat().st_size > 5000 for path in (made / "look").glob("*.png"))


def test_without_a_folder_nothing_is_written(made):
    before = sorted(made.iterdir())
    assert cli(["inspect", str(made / "d.h5")]) == 0
    assert sorted(made.iterdir()) == before
