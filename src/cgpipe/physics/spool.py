"""Arrays put aside while a source streams by and read again once, in memory up to a bound and on disk beyond it.

A source is read once only: decoding and making molecules whole can cost more than everything done with the frames.
"""

import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import numpy as np
from jaxtyping import Float, Float32

IN_MEMORY = 128 * 2**20
"""Beyond so many bytes a temporary file (in ``TMPDIR``) takes over; it has no name, so nothing can be left behind."""


class Spool:
    """Two-dimensional arrays in single precision, first in, first out."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)
        self._shapes: list[tuple[int, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def put(self, array: Float[np.ndarray, "groups rows"]) -> None:
        """Append an array."""
        self._file.write(np.ascontiguousarray(array, dtype=np.float32).data)
        self._shapes.append((array.shape[0], array.shape[1]))

    def arrays(self) -> Iterator[Float32[np.ndarray, "groups rows"]]:
        """All arrays in the order they came."""
        self._file.seek(0)
        for shape in self._shapes:
            array = np.empty(shape, dtype=np.float32)
            self._file.readinto(memoryview(array).cast("B"))
            yield array
