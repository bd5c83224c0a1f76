"""Reading mean forces: what is read, what is refused in one line. Whether labels are right no reader can see."""

import re
from pathlib import Path

import numpy as np
import pytest

from cgpipe.data.mean_forces import read_mean_forces
from cgpipe.errors import UserError


def write(path: Path, **changes: object) -> Path:
    """Three configurations of two beads; a change to None leaves an array out."""
    shape = (3, 2, 3)
    arrays = {
        "R": np.arange(18.0).reshape(shape),
        "F_opt": np.ones(shape, np.float32),
        "se_opt": np.full(shape, 0.3),
        "slow_sd_opt": np.float64(0.4),
        "sd_opt": np.full(shape, 2.0),
        "temperature": np.full(3, 348.0),
        "resname": np.array(["HSD", "GLY"]),
        "more": np.zeros(7),
    }
    np.savez(path, **{name: array for name, array in {**arrays, **changes}.items() if array is not None})
    return path


def test_errors_add_up_and_names_are_those_of_the_vocabulary(tmp_path: Path):
    """Detects slow motions left out of the error, an error taken for its square, and foreign residue names."""
    labels = read_mean_forces(write(tmp_path / "labels.npz"))
    np.testing.assert_allclose(labels.error2, 0.25)
    np.testing.assert_allclose(labels.noise2, 4.0)
    assert labels.residue_name == ("HIS", "GLY") and labels.temperature == 348.0
    assert labels.F.dtype == np.float64


def test_slow_motions_and_noise_are_optional(tmp_path: Path):
    """Detects a reader that needs what only some files hold."""
    labels = read_mean_forces(write(tmp_path / "labels.npz", slow_sd_opt=None, sd_opt=None))
    np.testing.assert_allclose(labels.error2, 0.09)
    assert labels.noise2 is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"F_opt": None}, "no F_opt; expected the arrays R, F_opt"),
        ({"R": np.zeros((3, 2))}, "R has shape (3, 2), expected (configurations, beads, 3)"),
        ({"F_opt": np.ones((3, 3, 3))}, "F_opt has shape (3, 3, 3), expected (3, 2, 3)"),
        ({"resname": np.array(["GLY"])}, "resname has shape (1,), expected (2,)"),
        ({"F_opt": np.full((3, 2, 3), np.nan)}, "F_opt holds something that is no finite number"),
        ({"se_opt": np.full((3, 2, 3), -1.0)}, "is negative"),
        ({"temperature": np.array([300.0, 300.0, 348.0])}, "several temperatures"),
        ({"resname": np.array(["GLY", "UNK"])}, "unknown residue 'UNK'"),
    ],
)
def test_what_does_not_belong_together_is_refused(tmp_path: Path, changes: dict, message: str):
    """Detects a traceback, or numbers from arrays of different configurations."""
    with pytest.raises(UserError, match=re.escape(message)):
        read_mean_forces(write(tmp_path / "labels.npz", **changes))


def test_missing_and_damaged_files_are_named(tmp_path: Path):
    """Detects a traceback of numpy or zipfile."""
    with pytest.raises(UserError, match=r"none\.npz: no such file"):
        read_mean_forces(tmp_path / "none.npz")
    whole = write(tmp_path / "whole.npz").read_bytes()
    (tmp_path / "half.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"half\.npz: cannot be read as NPZ"):
        read_mean_forces(tmp_path / "half.npz")


def test_the_demo_has_sixty_configurations(demo_data: Path):
    """Detects a shipped file that was cut or changed: the size of forces, errors and noise is known."""
    labels = read_mean_forces(demo_data / "meanforce_cln025.npz")
    assert labels.R.shape == (60, 10, 3)
    assert np.sqrt(np.mean(labels.F**2)) == pytest.approx(9.61, abs=0.01)
    assert np.sqrt(np.mean(labels.error2)) == pytest.approx(0.96, abs=0.01)
    assert labels.noise2 is not None and np.sqrt(np.mean(labels.noise2)) == pytest.approx(8.6, abs=0.2)
