"""What several unit tests start from."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def made_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a whole made-up run; to be read only."""
    from synthetic_run import write_run  # most unit tests need none of what this imports

    return write_run(tmp_path_factory.mktemp("run"))
