"""Checkpoints on disk: what is read back, what is kept, and what happens when they are damaged."""

import numpy as np
import pytest
from training_toys import same_bits

from cgpipe.training.checkpoint import Checkpoints, Progress


def leaves(step: int):
    return {"weights": np.arange(5, dtype=np.float32) + step, "step": np.asarray(step)}


def progress(step: int) -> Progress:
    return Progress(step=step, history=[{"epoch": 1, "val_mse": 0.1 + 0.2}], best_epoch=1, best_mse=0.3)


@pytest.fixture
def written(tmp_path):
    checkpoints = Checkpoints(tmp_path, "aaaa", keep=2)
    for step in (3, 6, 9):
        checkpoints.save(progress(step), leaves(step))
    return checkpoints, tmp_path / "aaaa"


def test_newest_comes_back_and_old_ones_go(written):
    """Catches lost precision, the wrong one of several, and a folder that grows."""
    checkpoints, folder = written
    found, tree = checkpoints.load(lambda step: leaves(0))
    assert found == progress(9)
    assert same_bits(tree, leaves(9))
    assert sorted(path.name for path in folder.iterdir()) == [
        "step-0000000006.checkpoint",
        "step-0000000009.checkpoint",
    ]


@pytest.mark.parametrize("damage", [lambda b: b[:-10], lambda b: b[:20], lambda b: b"", lambda b: b[:-1] + b"\x01"])
def test_damaged_newest_falls_back_with_a_warning(written, capsys, damage):
    """Truncated, emptied or altered newest file: the one before it is used, and a line says so."""
    checkpoints, folder = written
    newest = folder / "step-0000000009.checkpoint"
    newest.write_bytes(damage(newest.read_bytes()))
    found, tree = checkpoints.load(lambda step: leaves(0))
    assert found.step == 6
    assert same_bits(tree, leaves(6))
    assert "step-0000000009.checkpoint is damaged" in capsys.readouterr().err


def test_any_byte_that_changed_is_noticed(written):
    """A bit flipped, or a byte lost, anywhere: catches what no checksum covers, such as the line of the best epoch."""
    checkpoints, folder = written
    newest = folder / "step-0000000009.checkpoint"
    content = newest.read_bytes()
    for place in range(len(content)):
        flipped = bytes([content[place] ^ (1 << place % 8)])
        for damaged in (content[:place] + flipped + content[place + 1 :], content[:place] + content[place + 1 :]):
            newest.write_bytes(damaged)
            assert checkpoints.load(lambda step: leaves(0))[0].step == 6, f"byte {place} of {len(content)}"


def test_zeros_of_a_crashed_file_system_are_noticed(written):
    """A file of the right length whose end, or all of it, is zeros."""
    checkpoints, folder = written
    newest = folder / "step-0000000009.checkpoint"
    content = newest.read_bytes()
    for kept in (0, 70, len(content) // 2, len(content) - 1):
        newest.write_bytes(content[:kept].ljust(len(content), b"\0"))
        assert checkpoints.load(lambda step: leaves(0))[0].step == 6


def test_damaged_file_makes_way(tmp_path):
    """With one checkpoint kept, a damaged one of a later step does not push out those of the run that began anew."""
    checkpoints = Checkpoints(tmp_path, "aaaa", keep=1)
    checkpoints.save(progress(9), leaves(9))
    (tmp_path / "aaaa" / "step-0000000009.checkpoint").write_bytes(b"")
    checkpoints.save(progress(3), leaves(3))
    assert [path.name for path in (tmp_path / "aaaa").iterdir()] == ["step-0000000003.checkpoint"]
    assert checkpoints.load(lambda step: leaves(0))[0].step == 3


def test_what_is_made_once_is_kept(written, capsys):
    """Beside the checkpoints, and for longer than any of them; damaged it counts as absent, with a warning."""
    checkpoints, folder = written
    assert checkpoints.kept("fit", leaves(0)) is None
    checkpoints.keep("fit", {"steps": 7, "mse": 0.1 + 0.2}, leaves(5))
    for step in (12, 15, 18):
        checkpoints.save(progress(step), leaves(step))
    facts, tree = checkpoints.kept("fit", leaves(0))
    assert facts == {"steps": 7, "mse": 0.1 + 0.2}
    assert same_bits(tree, leaves(5))
    (folder / "fit.checkpoint").write_bytes(b"")
    assert checkpoints.kept("fit", leaves(0)) is None
    assert "fit.checkpoint is damaged" in capsys.readouterr().err


def test_other_structure_is_not_taken(written, capsys):
    """A checkpoint whose arrays have another shape is refused, not half read."""
    checkpoints, _ = written
    assert checkpoints.load(lambda step: {"weights": np.zeros(7, np.float32), "step": np.asarray(0)}) is None
    assert capsys.readouterr().err.count("damaged") == 2


def test_other_settings_start_anew_and_say_so(written, tmp_path, capsys):
    """Catches weights taken up from a run with other settings; the other run's checkpoints stay."""
    other = Checkpoints(tmp_path, "bbbb", keep=2)
    assert other.load(leaves) is None
    assert "starting anew" in capsys.readouterr().err
    other.save(progress(1), leaves(1))
    assert written[0].load(lambda step: leaves(0))[0].step == 9


def test_unfinished_files_are_swept(written):
    """What a killed write left behind is neither read nor kept."""
    checkpoints, folder = written
    unfinished = folder / ".step-0000000012.4711.checkpoint"
    unfinished.write_bytes(b"half")
    assert checkpoints.load(lambda step: leaves(0))[0].step == 9
    checkpoints.save(progress(12), leaves(12))
    assert not unfinished.exists()
