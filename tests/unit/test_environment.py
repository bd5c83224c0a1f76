"""Variables of the shell: which of them reach JAX, and that those which could change a result do not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cgpipe import environment
from cgpipe.environment import settle

HARMFUL = {
    "JAX_ENABLE_X64": "1",
    "JAX_DEFAULT_DTYPE_BITS": "32",
    "JAX_EXPLICIT_X64_DTYPES": "error",
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
    "JAX_NUMPY_RANK_PROMOTION": "raise",
    "JAX_DEFAULT_MATMUL_PRECISION": "bfloat16",
    "JAX_DEFAULT_PRNG_IMPL": "rbg",
    "JAX_THREEFRY_PARTITIONABLE": "0",
    "JAX_RANDOM_SEED_OFFSET": "7",
    "JAX_DISABLE_JIT": "1",
    "JAX_DEBUG_NANS": "1",
    "JAX_ENABLE_CHECKS": "1",
    "JAX_TRANSFER_GUARD": "disallow",
    "JAX_LOG_COMPILES": "no truth value, which JAX would not survive",
    "JAX_OF_A_LATER_VERSION": "1",
    "JAX_COMPILATION_CACHE_DIR": "/tmp/mine",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "3",
    "EQX_ON_ERROR": "nan",
    "NVIDIA_TF32_OVERRIDE": "1",
}
HARMLESS = {
    "JAX_PLATFORMS": "cpu",
    "JAX_NUM_CPU_DEVICES": "1",
    "XLA_FLAGS": "--xla_dump_to=/tmp",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "CUDA_VISIBLE_DEVICES": "0",
    "PATH": "/bin",
}
SEEN = """
import json, cgpipe.errors
import jax, jax.numpy as jnp
values = {name: str(value) for name, value in sorted(jax.config.values.items())}
x = jax.random.normal(jax.random.key(3), (7, 5))
print(json.dumps([values, str((x @ x.T).dtype), (x @ x.T).tolist(), str(jnp.arange(2.0) + jnp.arange(2))]))
"""


def test_what_could_change_a_result_is_taken_away():
    """By name, known or not; values are not looked at. The report is in the order of names."""
    shell = {**HARMFUL, **HARMLESS}
    assert settle(shell) == sorted(f"{name}={value}" for name, value in HARMFUL.items())
    assert shell == HARMLESS


def test_jax_is_the_same_whatever_the_shell_holds(tmp_path):
    """All settings of JAX, random numbers, products and promotion; not what ``XLA_FLAGS`` do."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "EQX_"))}
    found = []
    for more in ({}, HARMFUL):
        shell = clean | {"JAX_PLATFORMS": "cpu"} | more
        done = subprocess.run([sys.executable, "-c", SEEN], env=shell, capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout))
    assert found[0] == found[1]


@pytest.mark.parametrize("command", [["python", "-m", "cgpipe.check"], ["cgpipe", "check"]])
def test_what_is_left_out_is_told(command):
    """One note from every command, so that nobody wonders why a variable has no effect."""
    program = Path(sys.executable).with_name(command[0])
    shell = os.environ | {"JAX_DEBUG_NANS": "1"}
    done = subprocess.run([program, *command[1:], "--help"], env=shell, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == "note: left out JAX_DEBUG_NANS=1, which could change results\n"


def test_cache_folder(tmp_path, monkeypatch):
    """The user's choice, else that below the home folder, else none; whether it can be written to is not looked at."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert environment.user_cache() == tmp_path / "cgpipe"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    assert environment.user_cache() == tmp_path / "home" / ".cache" / "cgpipe"
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert environment.user_cache() is None
