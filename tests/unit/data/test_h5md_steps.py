"""H5MD whose quantities have steps of their own, written by hand; cannot tell what other programs write into them."""

import h5py
import numpy as np
import pytest

from cgpipe.data.readers.h5md import PlainH5MDReader, check_steps
from cgpipe.errors import UserError

ATOMS = 4
UNIT = {"position": "Angstrom", "force": "kJ mol-1 Angstrom-1", "velocity": "Angstrom ps-1"}


def written(path, **steps):
    """A file with a list of steps per quantity, or (rows, increment, offset), or rows where there are no steps."""
    with h5py.File(path, "w") as file:
        particles = file.create_group("particles/trajectory")
        box = particles.create_group("box")
        box.attrs["dimension"], box.attrs["boundary"] = 3, ["periodic"] * 3
        for name, given in steps.items():
            element = particles.create_group("box/edges" if name == "edges" else name)
            rows = given if isinstance(given, int) else given[0] if isinstance(given, tuple) else len(given)
            shape = (rows, 3) if name == "edges" else (rows, ATOMS, 3)
            values = np.broadcast_to(np.arange(rows, dtype="f4").reshape(-1, *[1] * (len(shape) - 1)) + 20, shape)
            element.create_dataset("value", data=values).attrs["unit"] = UNIT.get(name, "Angstrom")
            element.create_dataset("time", data=np.arange(rows) * 1.0).attrs["unit"] = "ps"
            if isinstance(given, tuple):
                element.create_dataset("step", data=given[1]).attrs["offset"] = given[2]
            elif not isinstance(given, int):
                element.create_dataset("step", data=given)
    return path


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (
            {"position": range(9), "force": range(0, 9, 2)},
            r"positions were .* 9 steps \(0, 1, 2, … 8\), forces .* 5 steps",
        ),
        ({"position": range(0, 10, 2), "force": range(0, 20, 4)}, r"5 steps \(0, 2, 4, … 8\), .* 5 steps \(0, 4, 8, …"),
        ({"position": [0, 1, 2], "force": [1, 2, 3]}, r"3 steps \(0, 1, 2\), forces at 3 steps \(1, 2, 3\)"),
        ({"position": (6, 10, 0), "force": (6, 20, 0)}, r"6 steps \(0, 10, 20, … 50\), .* 6 steps \(0, 20, 40, … 100"),
        ({"position": (6, 10, 0), "force": (6, 10, 10)}, r"6 steps \(0, .* 6 steps \(10, 20"),
        ({"position": 6, "force": 3}, "positions were saved at 6 steps, forces at 3 steps"),
        ({"position": range(6), "force": range(6), "edges": range(0, 6, 2)}, "boxes at 3 steps"),
        ({"position": 6, "force": 6}, "holds no steps of positions"),
        ({"position": (6, 10, 0), "force": (6, 10, 0)}, "holds the steps of positions as a fixed increment"),
    ],
)
def test_other_steps_are_refused_with_their_numbers(tmp_path, steps, message):
    """Detects forces of one step taken for those of another."""
    with pytest.raises(UserError, match=rf"run\.h5md: .*{message}"):
        check_steps(written(tmp_path / "run.h5md", **steps))


def test_equal_steps_are_read_whatever_velocities_do(tmp_path):
    """Detects velocities, which nothing needs, that stop the reading or shift it."""
    steps = range(0, 12, 2)
    path = written(tmp_path / "run.h5md", position=steps, force=steps, edges=steps, velocity=[0])
    check_steps(path)
    with PlainH5MDReader(str(path)) as reader:
        assert reader.n_frames == 6
        assert reader[5].positions[0, 0] == reader[5].forces[0, 0] == 25.0


def test_what_is_no_h5md_is_left_to_the_reader(tmp_path):
    """Detects a traceback where MDAnalysis has an explanation."""
    (tmp_path / "run.h5md").write_text("no HDF5")
    check_steps(tmp_path / "run.h5md")
    check_steps(tmp_path / "none.h5md")
