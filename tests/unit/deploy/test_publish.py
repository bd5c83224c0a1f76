"""Results appear together, or nothing does."""

import subprocess
import sys

import pytest

from cgpipe.deploy.publish import UNFINISHED, published


def test_files_appear_when_the_block_ends(tmp_path):
    with published(tmp_path, last="model.json") as folder:
        (folder / "a.txt").write_text("a")
        (folder / "model.json").write_text("{}")
        assert not (tmp_path / "a.txt").exists()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.txt", "model.json"]


def test_an_error_leaves_the_old_result_and_an_unfinished_folder(tmp_path):
    (tmp_path / "model.json").write_text("old")
    with pytest.raises(RuntimeError), published(tmp_path, last="model.json") as folder:
        (folder / "model.json").write_text("new")
        raise RuntimeError
    assert (tmp_path / "model.json").read_text() == "old"
    with published(tmp_path, last="model.json") as folder:
        assert list(folder.iterdir()) == []
        (folder / "model.json").write_text("new")
    assert (tmp_path / "model.json").read_text() == "new"


def test_a_killed_process_leaves_nothing_that_looks_finished(tmp_path):
    """Detects files with their final names before the end; not a kill between two of the last renames."""
    program = (
        "import os, pathlib, signal\n"
        "from cgpipe.deploy.publish import published\n"
        f"with published(pathlib.Path({str(tmp_path)!r}), last='model.json') as folder:\n"
        "    (folder / 'model.json').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == -9
    assert [file.name for file in tmp_path.iterdir()] == [UNFINISHED]
