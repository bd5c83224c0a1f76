"""Shapes and types in every cgpipe signature are checked at run time in all tests."""

import os
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

os.environ.setdefault("JAX_PLATFORMS", "cpu")
install_import_hook("cgpipe", "beartype.beartype")


@pytest.fixture(scope="session")
def demo_data() -> Path:
    """Folder of the demo's all-atom trajectories."""
    return Path(__file__).resolve().parents[1] / "resources" / "demo"
