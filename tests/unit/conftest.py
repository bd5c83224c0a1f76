"""What several unit tests start from."""

from pathlib import Path

import pytest
from check_inputs import write_proteins
from synthetic_mdcath import SyntheticProtein, write_mdcath


@pytest.fixture(scope="session")
def made_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a whole made-up run; to be read only."""
    from synthetic_run import write_run  # most unit tests need none of what this imports

    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a configuration and one protein of two trajectories."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("run: trial\nmodel:\n  cutoff: 10.0\n")
    write_mdcath(tmp_path / "p.h5", SyntheticProtein(["ALA", "GLY", "SER"]), {"300/0": 4, "300/1": 3})
    write_proteins()
    return tmp_path
