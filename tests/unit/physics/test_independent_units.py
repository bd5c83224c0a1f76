"""Cutting of runs into independent parts; whether the parts are independent enough shows in coverages."""

import numpy as np
from interval_coverage import fading

from cgpipe.physics.independent_units import cut, independent_units


def frames(runs: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    return np.repeat(np.arange(runs), length), np.tile(np.arange(length), runs)


def parts(runs: int, length: int, memory: float) -> int:
    run, time = frames(runs, length)
    series = fading(np.random.default_rng(0), (runs, length), memory).ravel()
    return int(independent_units(run, time, [series]).part.max()) + 1


def test_runs_are_cut_as_far_as_their_memory_allows():
    """Detects blocks of a fixed length, and runs cut into pieces that remember each other."""
    assert parts(4, 500, 1.5) == 12 and parts(15, 200, 1.5) == 15
    assert parts(4, 500, 199.0) == 4 and parts(4, 500, 59.0) < 12
    assert parts(1, 2000, 1.5) == 12 and parts(1, 2000, 999.0) < 4


def test_pieces_are_consecutive_and_equal_and_none_spans_two_runs():
    """Detects a piece of frames of two runs, and frames sorted by row instead of time."""
    run, time = frames(3, 10)
    order = np.random.default_rng(1).permutation(30)
    found = np.empty(30, int)
    found[order] = cut(run[order], time[order], 4.0, 12)
    assert found.tolist() == np.repeat(np.arange(6), 5).tolist()


def test_too_few_parts_are_named():
    """Detects certainty from three runs, from some pieces of a single one, and from runs that never change state."""
    random = np.random.default_rng(2)

    def why(runs: int, length: int, memory: float) -> str | None:
        series = fading(random, (runs, length), memory).ravel()
        return independent_units(*frames(runs, length), [series]).too_few

    assert why(4, 300, 1.5) is None and why(1, 1200, 1.5) is None
    assert why(3, 12, 1.0) == "3 independent parts of 3 runs, 10 needed"
    assert "of 1 runs, 10 needed" in str(why(1, 300, 15.0))
    constant = np.repeat(np.arange(4) % 2, 500) + 1e-3 * random.normal(size=2000)
    assert "independent frames, 6 needed" in str(independent_units(*frames(4, 500), [constant]).too_few)
