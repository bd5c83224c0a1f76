"""JAX is strict about dtypes and ranks here."""

import signal

import jax
import pytest


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
