"""The files that a protein's block names."""

from pathlib import Path

import pytest

from cgpipe.config.proteins import MdcathProtein, NpzProtein, TrajectoryProtein, data_files
from cgpipe.errors import UserError


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A working directory with some empty files."""
    monkeypatch.chdir(tmp_path)
    for name in ("run1.trr", "run2.trr", "run10.trr", "deep/er/run3.trr", "a.h5"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def trajectories(*patterns):
    block = TrajectoryProtein(source="trajectory", topology="t.tpr", trajectories=patterns, temperature=300)
    return data_files(block)["trajectories"]


def test_wildcards_are_resolved_in_natural_order(place):
    """Detects run10 before run2, which would shift the numbers of replicas."""
    assert trajectories("run*.trr") == ("run1.trr", "run2.trr", "run10.trr")
    assert trajectories("**/run3.trr", "run[12].trr") == ("deep/er/run3.trr", "run1.trr", "run2.trr")
    assert trajectories(f"{place}/run1?.trr") == (f"{place}/run10.trr",)


def test_files_without_wildcards_need_not_exist(place):
    """What makes them may be a rule of a larger workflow."""
    assert data_files(MdcathProtein(source="mdcath", path="none.h5")) == {"path": ("none.h5",)}
    assert data_files(NpzProtein(source="npz", path=("a", "b"), temperature=1)) == {"path": ("a", "b")}


def test_wildcards_that_match_nothing(place):
    """Detects an empty list of files that would fail somewhere else."""
    with pytest.raises(UserError, match=r"trajectories: no file matches 'x\*\.trr'"):
        trajectories("run*.trr", "x*.trr")


def test_a_file_named_twice(place):
    """Detects frames counted double where patterns overlap."""
    with pytest.raises(UserError, match=r"trajectories: run1\.trr is named more than once"):
        trajectories("run1.trr", "run?.trr")


def test_names_with_signs_of_wildcards(place):
    """A file that exists by that very name is meant, also below a folder; detects files of another folder."""
    for name in ("run[1].trr", "set[1]/b.trr", "set1/b.trr", "what?.trr"):
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).touch()
    assert trajectories("run[1].trr") == ("run[1].trr",)
    assert trajectories("set[1]/*.trr", "what?.trr") == ("set[1]/b.trr", "what?.trr")
    with pytest.raises(UserError, match=r"no file matches 'run\[3\]\.trr' .*\[\[\]"):
        trajectories("run[3].trr")


def test_wildcards_do_not_lead_to_names_that_snakemake_replaces(place):
    """Detects a folder {x} that only the resolved name shows."""
    (place / "{x}").mkdir()
    (place / "{x}/c.trr").touch()
    with pytest.raises(UserError, match=r"trajectories: \{x\}/c\.trr: .*Snakemake"):
        trajectories("*/c.trr")
