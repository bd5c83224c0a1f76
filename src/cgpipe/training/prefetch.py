"""Batches made ahead of time by a thread, so that devices do not wait for the disk."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

AHEAD = 4
"""Batches that are made before they are needed."""

Made = TypeVar("Made")


class Prefetch(Generic[Made]):
    """An iterator over what ``make`` gives for each number, in order; an error in it is raised where it would be.

    Attributes:
        waited: time spent in waiting for a batch so far [s].
    """

    def __init__(self, make: Callable[[int], Made], numbers: Iterable[int]):
        self._make, self._numbers = make, iter(numbers)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feed")
        self._coming: deque[Future[Made]] = deque()
        self.waited = 0.0

    def __enter__(self) -> "Prefetch[Made]":
        for _ in range(AHEAD):
            self._order_next()
        return self

    def __exit__(self, *exception: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def __iter__(self) -> Iterator[Made]:
        return self

    def __next__(self) -> Made:
        if not self._coming:
            raise StopIteration
        begun = time.perf_counter()
        made = self._coming.popleft().result()
        self.waited += time.perf_counter() - begun
        self._order_next()
        return made

    def _order_next(self) -> None:
        for number in self._numbers:
            self._coming.append(self._thread.submit(self._make, number))
            return
