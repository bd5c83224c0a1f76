"""What of the shell's environment reaches JAX, settled before anything imports JAX, which reads most of it only then.

A variable that somebody set for another project must not change a result. Kept are those that say on which devices JAX
runs and how it compiles: they are the user's affair, or set by the workflow's rules. All others of JAX and Equinox are
taken away (precision, promotion, matrix products, random numbers, compilation switched off, checks …), new ones of
later versions too, and so are caches of compiled programs on disk: jaxlib 0.10.1 has been seen to wait for ever while
it read a program back, which is worse than the seconds that compiling takes. ``XLA_FLAGS`` and ``XLA_PYTHON_CLIENT_…``
stay; what the flags do to results is tried by ``cgpipe.compiler``.
"""

import os
from collections.abc import MutableMapping
from pathlib import Path

TAKEN_AWAY = ("JAX_", "EQX_", "NVIDIA_TF32_OVERRIDE")
"""Beginnings of the names of variables that could change a result."""

KEPT = (
    "JAX_PLATFORMS",
    "JAX_NUM_CPU_DEVICES",
    "JAX_CUDA_VISIBLE_DEVICES",
    "JAX_DISABLE_MOST_OPTIMIZATIONS",
    "JAX_TRACEBACK_FILTERING",
)
"""Beginnings of the names of those among them that stay."""


def settle(environment: MutableMapping[str, str]) -> list[str]:
    """Take away what could change a result; returns it as ``NAME=value``, in the order of names."""
    names = sorted(name for name in environment if name.startswith(TAKEN_AWAY) and not name.startswith(KEPT))
    return [f"{name}={environment.pop(name)}" for name in names]


def user_cache() -> Path | None:
    """``cgpipe`` in the user's cache folder, which may be missing or not writable; None where there is no home."""
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cgpipe"
    except RuntimeError:
        return None


LEFT_OUT = settle(os.environ)
"""What was taken away from this process."""
