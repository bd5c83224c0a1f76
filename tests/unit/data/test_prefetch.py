"""The thread that makes things ahead: order, bounds and errors. Whether it is fast enough is not tested."""

import threading
import time

import pytest

from cgpipe.data.prefetch import AHEAD, Prefetch


def test_everything_comes_once_and_in_order():
    """Catches lost, repeated and swapped batches, and a thread that is not used."""
    with Prefetch((n, threading.current_thread().name) for n in range(20)) as made:
        found = list(made)
    assert [number for number, _ in found] == list(range(20))
    assert all(name.startswith("prefetch") for _, name in found)


def test_no_more_than_a_few_are_made_ahead():
    """Catches a queue that fills the memory."""
    started = []
    with Prefetch(map(started.append, range(1000))) as made:
        next(made)
        time.sleep(0.05)
        assert len(started) <= AHEAD + 1
    assert len(started) <= AHEAD + 1


def test_an_error_is_raised_where_its_batch_would_come():
    """Catches errors that vanish with the thread, or that come too early."""

    def made(number: int) -> int:
        if number == 2:
            raise OSError("the file is gone")
        return number

    with Prefetch(map(made, range(5))) as batches:
        assert [next(batches), next(batches)] == [0, 1]
        with pytest.raises(OSError, match="the file is gone"):
            next(batches)


def test_waiting_is_counted():
    """Time in which there was no batch counts; catches a share that is always zero."""
    with Prefetch(map(time.sleep, [0.02] * 3)) as batches:
        list(batches)
        assert batches.waited > 0.02
