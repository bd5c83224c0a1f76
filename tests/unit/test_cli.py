"""The command ``cgpipe``: dispatch, version, headers of artefacts, exit codes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cgpipe import __version__, cli
from cgpipe.artefact import SCHEMA_VERSION, create_h5, header, write_json, write_npz
from cgpipe.stage import run


@pytest.mark.parametrize("stage", cli.OWN_PARSER)
def test_every_stage_has_a_main(stage, capsys):
    """``cgpipe STAGE --help`` reaches the stage's own parser; what the stage does is not tried."""
    with pytest.raises(SystemExit) as stop:
        cli.main([stage, "--help"])
    assert stop.value.code == 0
    assert f"cgpipe {stage}" in capsys.readouterr().out


def test_version_and_unknown_command():
    """The installed command itself; 2 is also argparse's code for a command that does not exist."""
    command = Path(sys.executable).with_name("cgpipe")
    shown = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == f"cgpipe {__version__}"
    assert subprocess.run([command, "fly"], capture_output=True).returncode == 2


def test_info_of_every_format(tmp_path, capsys):
    """Kind, settings and inputs of each artefact format, as lines to read."""
    source = tmp_path / "source.txt"
    source.write_text("x")
    head = header("trial", {"model": {"cutoff": 12.0}}, {"text": source})
    write_json(tmp_path / "a.json", head, {"x": 1})
    write_npz(tmp_path / "a.npz", {"x": np.zeros(2)}, head)
    with create_h5(tmp_path / "a.h5", head):
        pass
    for name in ("a.json", "a.npz", "a.h5"):
        assert run(cli.main, ["info", str(tmp_path / name)]) == 0
        shown = capsys.readouterr().out
        assert f"{name}: trial, schema {SCHEMA_VERSION}" in shown
        assert "cutoff: 12.0" in shown
        assert str(source) in shown


def test_info_of_something_else(tmp_path, capsys):
    """One line and exit code 2 for a file of another program, and for none."""
    (tmp_path / "note.txt").write_text("hello")
    for name in ("note.txt", "none.h5"):
        assert run(cli.main, ["info", str(tmp_path / name)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
