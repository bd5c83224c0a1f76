"""Programs compiled quickly rather than well, and kept, for tests that compile the same ones again and again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

DEFAULTS = {
    "jax_compilation_cache_dir": None,
    "jax_persistent_cache_min_compile_time_secs": 1.0,
    "jax_persistent_cache_min_entry_size_bytes": 0,
    "jax_disable_most_optimizations": False,
}


@contextmanager
def quickly_compiled(folder: Path) -> Iterator[None]:
    """Keep programs in a folder, for this process and, through the environment, its children."""
    quick = dict(zip(DEFAULTS, (str(folder), 0.0, -1, True), strict=True))
    _set(quick)
    try:
        with pytest.MonkeyPatch.context() as environment:
            for key, value in quick.items():
                environment.setenv(key.upper(), str(value))
            yield
    finally:
        _set(DEFAULTS)


def _set(keys):
    for key, value in keys.items():
        jax.config.update(key, value)
    compilation_cache.reset_cache()
