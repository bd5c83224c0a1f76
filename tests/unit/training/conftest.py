"""Compiled programs are kept for the session: most tests here compile the same few steps again."""

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory):
    """A compilation cache in a temporary folder, for this process and, through the environment, its children."""
    folder = tmp_path_factory.mktemp("compiled")
    keys = {
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {key: getattr(jax.config, key) for key in keys}
    for key, value in keys.items():
        jax.config.update(key, value)
    compilation_cache.reset_cache()
    with pytest.MonkeyPatch.context() as environment:
        for key, value in keys.items():
            environment.setenv(key.upper(), str(value))
        yield
    for key, value in before.items():
        jax.config.update(key, value)
    compilation_cache.reset_cache()
