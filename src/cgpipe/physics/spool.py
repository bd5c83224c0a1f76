"""Arrays put aside while a source streams by and read again once, in memory up to a bound and on disk beyond it.

A source is read once only: decoding and making molecules whole can cost more than everything done with the frames.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import numpy as np
from jaxtyping import Float, Float32

IN_MEMORY = 256 * 2**20
"""Beyond so many bytes a temporary file (in ``TMPDIR``) takes over; it has no name, so nothing can be left behind."""


class Spool:
    """Two-dimensional arrays in single precision, first in, first out."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._bytes = 0
        self._kept: list[Float32[np.ndarray, "groups rows"]] = []
        self._shapes: list[tuple[int, ...]] = []

    def put(self, array: Float[np.ndarray, "groups rows"]) -> None:
        """Append an array."""
        single = np.ascontiguousarray(array, dtype=np.float32)
        self._bytes += single.nbytes
        if self._bytes <= IN_MEMORY:
            self._kept.append(single)
        else:
            self._file.write(single.data)
            self._shapes.append(single.shape)

    def arrays(self) -> Iterator[Float32[np.ndarray, "groups rows"]]:
        """All arrays in the order they came."""
        yield from self._kept
        self._file.seek(0)
        for shape in self._shapes:
            yield np.frombuffer(self._file.read(4 * shape[0] * shape[1]), dtype=np.float32).reshape(shape)


@contextmanager
def open_spool() -> Iterator[Spool]:
    """A spool that is gone when the block ends."""
    with tempfile.TemporaryFile() as file:
        yield Spool(file)
