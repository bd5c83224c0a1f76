"""What a path may lead to other than a file that can be read: the right words each time."""

import os
import subprocess
import sys

import h5py
import pytest
from mdcath_files import read, write_small

from cgpipe.artefact import open_any_h5, read_header
from cgpipe.errors import UserError
from cgpipe.files import require_content

OPENED = """
import h5py, sys
file = h5py.File(sys.argv[1], "r+", libver="latest")
if sys.argv[2] == "stopped":
    file.swmr_mode = True
print("open", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def opened_elsewhere(tmp_path):
    """An mdCATH file that another program has open for writing; ``stopped`` marks it as such inside the file."""
    programs = []

    def opened(how):
        path = write_small(tmp_path / "data.h5")
        with h5py.File(path) as old, h5py.File(tmp_path / "new.h5", "w", libver="latest") as new:
            for name in old:
                old.copy(name, new)
        (tmp_path / "new.h5").replace(path)
        program = subprocess.Popen(
            [sys.executable, "-c", OPENED, path, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        programs.append(program)
        assert program.stdout.readline() == "open\n"
        return path

    yield opened
    for program in programs:
        program.communicate("")


@pytest.mark.parametrize(("how", "word"), [("writing", "in use"), ("stopped", "marked as in use")])
def test_a_file_that_is_open_elsewhere(opened_elsewhere, how, word):
    """As data, as any HDF5 file, and for ``cgpipe info``: in use, not damaged."""
    path = opened_elsewhere(how)
    for reads in (read, read_header, lambda file: open_any_h5(file).__enter__()):
        with pytest.raises(UserError) as caught:
            reads(path)
        text = str(caught.value)
        assert text.startswith(f"{path}: {word}") and "damaged" not in text and "\n" not in text


def test_what_is_no_file(tmp_path):
    """Detects "no such file" for a folder or a pipe, and waiting for a pipe."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("gone.h5")
    (tmp_path / "empty").touch()
    facts = {"pipe": "pipe", "link": "gone.h5", "empty": "0 bytes", "none": "no such file", "": "folder"}
    for name, fact in facts.items():
        with pytest.raises(UserError, match=fact):
            require_content(tmp_path / name)


def test_no_permission(tmp_path, monkeypatch):
    """The system's own words; simulated, because root may read everything."""
    (tmp_path / "secret.h5").write_bytes(b"x")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(UserError, match=r"secret\.h5: cannot be read: Permission denied"):
        require_content(tmp_path / "secret.h5")
