"""Trial of the compiler, and the fault that made it: right in what is installed, and told where results are wrong."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cgpipe import cli, compiler
from cgpipe.compiler import require_right_results
from cgpipe.errors import UserError


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """The user's cache folder, empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "cgpipe" / "compiler"


def answer(monkeypatch, code: int, out: str = "", err: str = "") -> list[list[str]]:
    """Let the trial's process end like this; returns the list of the processes started."""
    started: list[list[str]] = []

    def run(command, **_):
        started.append(command)
        return subprocess.CompletedProcess(command, code, out, err)

    monkeypatch.setattr(compiler.subprocess, "run", run)
    return started


@pytest.mark.parametrize("rows", [16_385, 32_769, 40_001])
@pytest.mark.parametrize("width", [2, 3])
def test_sums_over_many_rows_are_right(rows, width):
    """Detects sums of products that take wrong rows beyond 16,384 or 32,768, as jax 0.10.2 does on CPUs."""
    m, x = (np.random.default_rng(rows).normal(size=(n, 3)) for n in (width, rows))
    right = np.sum((x @ m.T) ** 2, axis=1)
    for dtype, tolerance in ((jnp.float32, 1e-4), (jnp.float64, 1e-10)):
        with jax.enable_x64(True):
            matrix = jnp.asarray(m, dtype)
            sums = jax.jit(jax.vmap(lambda row, matrix=matrix: jnp.sum((matrix @ row) ** 2)))
            found = np.asarray(sums(jnp.asarray(x, dtype)))
        np.testing.assert_allclose(found, right, rtol=tolerance, atol=tolerance)


def test_a_right_compiler_is_tried_once(cache):
    """The whole trial in its own process, then no second one; says nothing of faults that it does not try."""
    require_right_results()
    [record] = cache.iterdir()
    assert f"jax {jax.__version__}" in record.read_text()
    record.write_text("untouched")
    require_right_results()
    assert record.read_text() == "untouched"


def test_wrong_results_are_found(monkeypatch):
    """Every quantity of the trial, with a compiler that drops the last row; not that the tolerances are tight."""
    honest = jax.jit

    def faulty(function):
        return lambda *arrays: honest(function)(*arrays).at[-1].multiply(-1).at[-1].add(0.5)

    monkeypatch.setattr(jax, "jit", faulty)
    for dtype in ("float32", "float64"):
        with jax.enable_x64(True):
            wrong = compiler._faults(dtype, compiler.TOLERANCE[dtype])
        assert len(wrong) == 5, wrong
        assert all(dtype in one for one in wrong)


@pytest.mark.parametrize(
    ("code", "out", "err", "told"),
    [
        (compiler.WRONG, "7233 of 40001 sums of 3 squares in float32\n", "", "wrong numbers here: 7233 of 40001 sums"),
        (1, "Unable to initialize backend 'rocm'\n", "Traceback …", "cannot compute here: Unable to initialize"),
        (-6, "", "F1201 12:36 9 flags.cc:234] Unknown flag: --no\n*** stack", "here: Unknown flag: --no; "),
        (-11, "", "", "cannot compute here: SIGSEGV"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_told_in_one_line(cache, monkeypatch, code, out, err, told):
    """Versions, fault and remedy, and nothing is remembered; a made-up trial, so not that XLA ends like this."""
    answer(monkeypatch, code, out, err)
    with pytest.raises(UserError) as refused:
        require_right_results()
    message = str(refused.value)
    assert told in message and f"jaxlib {jax.lib.__version__}" in message and "requirements.lock" in message
    assert "\n" not in message and not cache.exists()


@pytest.mark.parametrize("name", ["XLA_FLAGS", "JAX_PLATFORMS"])
def test_other_circumstances_are_tried_again(cache, monkeypatch, name):
    """A result is remembered for the flags and the platform it was found with, and for no others."""
    started = answer(monkeypatch, 0)
    for value in ("", "other", "other"):
        monkeypatch.setenv(name, value)
        require_right_results()
    assert len(started) == 2


def test_no_place_to_remember_is_no_error(tmp_path, monkeypatch):
    """A file where the cache folder should be, and no home at all; root may write anywhere, so not rights."""
    started = answer(monkeypatch, 0)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    require_right_results()
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    require_right_results()
    assert len(started) == 2


def test_a_stage_ends_with_the_message(tmp_path):
    """Exit code 2 and one line from a whole stage whose XLA does not know a flag; XLA ends the trial for real."""
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path), "XLA_FLAGS": "--xla_no_such_flag=1"}
    command = [sys.executable, "-m", "cgpipe.ensemble"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("error: jax") and "Unknown flag in XLA_FLAGS: --xla_no_such_flag=1" in line


def test_the_command_tries_the_compiler_too(cache, monkeypatch):
    """``cgpipe STAGE`` imports the stage late, and must look after that; what the stage does is not tried."""
    answer(monkeypatch, compiler.WRONG, "1 of 2 sums")
    with pytest.raises(UserError, match="1 of 2 sums"):
        cli.main(["ensemble", "--help"])


def test_commands_without_jax_do_without_the_trial(tmp_path):
    """A command that does not import JAX runs with flags that JAX would not survive."""
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path), "XLA_FLAGS": "--xla_no_such_flag=1"}
    command = [sys.executable, "-m", "cgpipe.check", "--help"]
    assert subprocess.run(command, env=environment, capture_output=True).returncode == 0
    assert not list(tmp_path.iterdir())
