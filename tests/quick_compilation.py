"""Programs compiled quickly rather than well, for tests that compile many and run each for a moment.

They are not kept on disk: to read one back has been seen to wait for ever, once in some thousand times.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import jax
import pytest

KEY = "jax_disable_most_optimizations"


@contextmanager
def quickly_compiled() -> Iterator[None]:
    """For this process and, through the environment, its children."""
    jax.config.update(KEY, True)
    try:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv(KEY.upper(), "True")
            yield
    finally:
        jax.config.update(KEY, False)
