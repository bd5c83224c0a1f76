"""Things made ahead of time by a thread, so that whoever uses them does not wait for the disk."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Generic, TypeVar

AHEAD = 4
"""Things that are made before they are needed."""

Made = TypeVar("Made")


class Prefetch(Generic[Made]):
    """An iterator over what another one makes, in order; an error in it is raised where it would be.

    Attributes:
        waited: time spent in waiting so far [s].
    """

    def __init__(self, source: Iterable[Made], ahead: int = AHEAD):
        self._source, self._ahead = iter(source), ahead
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="prefetch")
        self._coming: deque[Future[list[Made]]] = deque()
        self.waited = 0.0

    def __enter__(self) -> "Prefetch[Made]":
        for _ in range(self._ahead):
            self._coming.append(self._thread.submit(self._make))
        return self

    def __exit__(self, *exception: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def __iter__(self) -> Iterator[Made]:
        return self

    def __next__(self) -> Made:
        begun = time.perf_counter()
        made = self._coming.popleft().result()
        self.waited += time.perf_counter() - begun
        self._coming.append(self._thread.submit(self._make))
        if not made:
            raise StopIteration
        return made[0]

    def _make(self) -> list[Made]:
        """The next thing, or nothing at the end (a future cannot hold StopIteration)."""
        return list(islice(self._source, 1))
