"""A run across interruptions: parts on disk, results that do not show where it stopped."""

import numpy as np
import pytest
from toys import BEADS, MASSES, SLOTS, field, harmonic, plan, unbonded

from cgpipe.data.replicas import DCDFile
from cgpipe.dynamics import run
from cgpipe.dynamics.parts import Parts
from cgpipe.dynamics.run import run_replicas
from cgpipe.errors import UserError

START = np.random.default_rng(1).normal(size=(3, BEADS, 3))


def run_in(folder, parts: Parts, steps: int = 410):
    """Three replicas with a temperature of 300 K; 410 steps are 20 frames and half the way to the next."""
    folders = [folder / str(number) for number in range(3)]
    for made in folders:
        made.mkdir(parents=True, exist_ok=True)
    plans = [plan(number, steps) for number in range(3)]
    return run_replicas(folders, plans, START, field(harmonic), SLOTS, MASSES, unbonded(), parts)


def content(folder) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.glob("?/*"))}


class Stopped(Exception):
    """Instead of a kill."""


@pytest.mark.parametrize("parts_written", [1, 7])
def test_a_stopped_run_goes_on_to_the_same_bytes(tmp_path, monkeypatch, parts_written):
    """Detects lost or doubled frames, noise that starts again, and a state that is not saved to the last bit."""
    run_in(tmp_path / "undisturbed", Parts(tmp_path / "one", "a"))
    monkeypatch.setattr(run, "SAVE_SECONDS", 0.0)
    add = Parts.add

    def add_and_stop(self, kept, progress):
        add(self, kept, progress)
        if progress.step >= 20 * parts_written:
            raise Stopped

    monkeypatch.setattr(Parts, "add", add_and_stop)
    with pytest.raises(Stopped):
        run_in(tmp_path / "stopped", Parts(tmp_path / "other", "a"))
    monkeypatch.setattr(Parts, "add", add)
    again = Parts(tmp_path / "other", "a")
    assert again.progress().step == 20 * parts_written
    outcomes = run_in(tmp_path / "stopped", again)
    assert content(tmp_path / "stopped") == content(tmp_path / "undisturbed")
    assert [outcome.steps for outcome in outcomes] == [410] * 3
    with DCDFile(str(tmp_path / "stopped" / "0" / "traj.dcd")) as file:
        assert len(file) == 21


def test_parts_of_another_run_are_not_continued(tmp_path, capsys):
    """Detects a run with new settings that goes on from the old one's state, or begins anew without a word."""
    run_in(tmp_path, Parts(tmp_path / "checkpoint", "a"))
    assert Parts(tmp_path / "checkpoint", "a").progress() is not None
    assert capsys.readouterr().err == ""
    assert Parts(tmp_path / "checkpoint", "b").progress() is None
    assert "starting anew" in capsys.readouterr().err
    assert not (tmp_path / "checkpoint").exists()


def test_a_damaged_part_is_refused(tmp_path):
    """Detects a truncated file that is taken for a state."""
    run_in(tmp_path, Parts(tmp_path / "checkpoint", "a"))
    [part] = (tmp_path / "checkpoint").iterdir()
    part.write_bytes(part.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"part-000000\.npz: damaged .* delete"):
        Parts(tmp_path / "checkpoint", "a").progress()
