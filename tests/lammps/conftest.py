"""The native pair style, compiled once, with an untrained model; skipped where it cannot be had, with the reason."""

import shutil

import pytest
from native_runs import Native
from synthetic_program import bonded_potential, export_to

from cgpipe.dynamics.lammps.native import build_plugin, default_plugin, pjrt_library
from cgpipe.errors import UserError


@pytest.fixture(scope="session")
def native(tmp_path_factory: pytest.TempPathFactory) -> Native:
    """A model for up to 64 beads (and 14) and the plugin."""
    try:
        pjrt_library()
    except UserError as missing:
        pytest.skip(str(missing))
    if shutil.which("g++") is None:
        pytest.skip("no g++ to compile the pair style with")
    build_plugin(default_plugin())
    return Native(default_plugin(), export_to(tmp_path_factory.mktemp("native"), bonded_potential(29), [14, 64]))
