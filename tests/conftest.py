"""Shapes and types in every cgpipe signature are checked at run time in all tests."""

import os
import sys
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# here and in children: most of a test's time is compiling; sums and fusions, which can go wrong, are compiled as always
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
install_import_hook("cgpipe", "beartype.beartype")


@pytest.fixture(scope="module", autouse=True)
def programs_go_with_their_tests():
    """Compiled programs stay in memory, gigabytes of them in the end, and few are used by another file's tests."""
    yield
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()


@pytest.fixture(scope="session")
def demo_data() -> Path:
    """Folder of the demo's all-atom trajectories."""
    return Path(__file__).resolve().parents[1] / "resources" / "demo"
