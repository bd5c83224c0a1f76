"""JAX is strict about dtypes and ranks here.

Programs are compiled quickly rather than well, and kept: most tests here compile the same few steps again.
"""

import signal

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

DEFAULTS = {
    "jax_compilation_cache_dir": None,
    "jax_persistent_cache_min_compile_time_secs": 1.0,
    "jax_persistent_cache_min_entry_size_bytes": 0,
    "jax_disable_most_optimizations": False,
}


@pytest.fixture(autouse=True)
def strict():
    """No silent promotion of dtypes, nor of ranks."""
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


@pytest.fixture
def sigterm():
    """The handler of SIGTERM before the test, and after it."""
    handler = signal.getsignal(signal.SIGTERM)
    yield handler
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory):
    """A compilation cache in a temporary folder, for this process and, through the environment, its children."""
    quick = dict(zip(DEFAULTS, (str(tmp_path_factory.mktemp("compiled")), 0.0, -1, True), strict=True))
    _set(quick)
    with pytest.MonkeyPatch.context() as environment:
        for key, value in quick.items():
            environment.setenv(key.upper(), str(value))
        yield
    _set(DEFAULTS)


def _set(keys):
    for key, value in keys.items():
        jax.config.update(key, value)
    compilation_cache.reset_cache()
