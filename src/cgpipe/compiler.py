"""Is what JAX compiles on this machine right? Tried once per machine and versions, before a stage uses it.

Why: jaxlib 0.10.2 hands sums on CPUs to another library (YNNPACK), which takes wrong rows of long arrays. ``sum((m @ r)
** 2)`` of a 3 × 3 matrix is wrong from 32,769 rows in single precision and from 16,385 in double, and other sums end in
a segmentation fault. Releases from 0.11 on need Python 3.12 and have reports of their own. Therefore 0.10.1 is pinned,
which computes as fast as 0.10.2 with these sums switched off (``--xla_cpu_experimental_ynn_fusion_type=-reduce``), and
whatever else is installed has to pass here.

The trial is a process of its own (``python -m cgpipe.compiler``): a compiler that crashes, or ends the process because
of a flag in ``XLA_FLAGS`` that it does not know, becomes a message as well, and JAX is not started in the stage, which
may first have to join those on other nodes.
"""

import hashlib
import json
import os
import platform
import re
import signal
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from cgpipe.artefact import atomic
from cgpipe.environment import user_cache
from cgpipe.errors import UserError

ROWS = 40_001
"""More than twice 16,384, and no multiple of anything that compilers like."""

TOLERANCE = {"float32": 1e-2, "float64": 1e-9}
"""Of the largest value; GPUs may multiply single precision in a shorter format."""

WRONG = 3
"""Exit code of a trial with wrong results."""

SECONDS = 600.0
"""Patience with a trial, which takes two seconds."""

PACKAGES = ("jax", "jaxlib", "jax-cuda12-plugin", "jax-cuda12-pjrt")
VARIABLES = ("XLA_FLAGS", "JAX_PLATFORMS", "JAX_DISABLE_MOST_OPTIMIZATIONS", "CUDA_VISIBLE_DEVICES")


def require_right_results() -> None:
    """Try the compiler, unless it was right before on this machine, in these versions and with these flags.

    Raises:
        UserError: wrong results, or JAX does not start.
    """
    cache = user_cache()
    record = None if cache is None else cache / "compiler" / f"{_circumstances()}.txt"
    try:
        if record is not None and record.is_file():
            return
    except OSError:
        record = None  # a folder that may not even be looked into
    fault = _trial()
    if fault is not None:
        raise UserError(fault)
    if record is not None:
        try:
            with atomic(record) as temporary:
                temporary.write_text(f"{_versions()}: results are right\n")
        except OSError:
            pass  # nowhere to remember it: the next stage tries again


def _circumstances() -> str:
    """Digest of all that a result of the trial may depend on."""
    model = next((line for line in _processor() if line.startswith(("model name", "CPU part"))), platform.processor())
    known = [Path(__file__).read_text(), _versions(), platform.node(), platform.machine(), model]
    return hashlib.sha256(json.dumps([*known, *map(os.environ.get, VARIABLES)]).encode()).hexdigest()[:32]


def _processor() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []


def _versions() -> str:
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def _trial() -> str | None:
    """Run the trial; what is wrong, and what to do, in one line, or None."""
    environment = os.environ | {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}  # the stage's own arrays come after it
    command = [sys.executable, "-m", "cgpipe.compiler"]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"{_versions()}: a small compiled function did not end in {SECONDS:.0f} s; {_remedy()}"
    if done.returncode == 0:
        return None
    if done.returncode == WRONG:
        return f"{_versions()} computes wrong numbers here: {done.stdout.strip()}; {_remedy()}"
    return f"{_versions()} cannot compute here: {_last_words(done)}; {_remedy()}"


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    """What a trial that did not get through complained about."""
    fatal = re.search(r"^F.*?\] (.*)", done.stderr, re.MULTILINE)  # as XLA logs what it ends the process for
    if fatal:
        return fatal[1]
    said = (done.stdout.strip() or done.stderr.strip()).splitlines()
    ended = f"exit code {done.returncode}" if done.returncode > 0 else signal.Signals(-done.returncode).name
    return said[-1] if said else ended


def _remedy() -> str:
    suspects = [f"{name}={os.environ[name]}" for name in ("XLA_FLAGS", "JAX_PLATFORMS") if os.environ.get(name)]
    suspects = [suspect for suspect in suspects if suspect != "JAX_PLATFORMS=cpu"]  # as in most of the workflow's rules
    undo = f"try without {' '.join(suspects)}, or " if suspects else ""
    return f"{undo}install the versions of requirements.lock (make setup)"


def faults() -> list[str]:
    """What compiled functions of long arrays get wrong, in both precisions, compared with numpy."""
    import jax  # in the trial's own process only

    jax.config.update("jax_enable_x64", True)
    return [fault for dtype, tolerance in TOLERANCE.items() for fault in _faults(dtype, tolerance)]


def _faults(dtype: str, tolerance: float) -> list[str]:
    import jax
    import jax.numpy as jnp

    rng = np.random.default_rng(0)
    x, square, flat = (rng.normal(size=(rows, 3)) for rows in (ROWS, 3, 2))
    place = rng.integers(0, ROWS // 7, ROWS)

    def sums(x: jax.Array, m: jax.Array) -> jax.Array:
        return jax.vmap(lambda row: jnp.sum((m @ row) ** 2))(x)

    def gradients(x: jax.Array, m: jax.Array) -> jax.Array:
        return jax.grad(lambda x: sums(x, m).sum())(x)

    def sums_by_place(x: jax.Array, m: jax.Array) -> jax.Array:
        return jnp.zeros((ROWS // 7, 3), x.dtype).at[place].add(x @ m.T)

    def finite(x: jax.Array, m: jax.Array) -> jax.Array:
        return jnp.isfinite(jnp.sqrt(x)).astype(x.dtype)

    by_place = np.zeros((ROWS // 7, 3))
    np.add.at(by_place, place, x @ square.T)
    trials = (
        ("sums of 3 squares", sums, square, np.sum((x @ square.T) ** 2, axis=1)),
        ("sums of 2 squares", sums, flat, np.sum((x @ flat.T) ** 2, axis=1)),
        ("gradients", gradients, square, 2 * x @ square.T @ square),
        ("sums by place", sums_by_place, square, by_place),
        ("tests for what is no number", finite, square, (x >= 0).astype(float)),
    )
    wrong = []
    for name, function, m, right in trials:
        values = np.asarray(jax.jit(function)(x.astype(dtype), m.astype(dtype)), np.float64)
        off = ~(np.abs(values - right) <= tolerance * np.abs(right).max())
        if off.any():
            wrong.append(f"{off.sum()} of {off.size} {name} in {dtype}")
    return wrong


def main() -> int:
    """Print what is wrong; of what JAX itself complains about, the first line."""
    try:
        found = faults()
    except Exception as error:  # a compiler may fail in any way
        print(str(error).splitlines()[0])
        return 1
    print(", ".join(found))
    return WRONG if found else 0


if __name__ == "__main__":
    sys.exit(main())
