"""Memory of made-up series whose autocorrelation is known; real series may remember in other ways."""

import numpy as np
import pytest
from interval_coverage import fading

from cgpipe.data.autocorrelation import integrated_time

RUN, TIME = np.repeat(np.arange(8), 2000), np.tile(np.arange(2000), 8)


def test_the_memory_of_an_autoregressive_series_is_found():
    """Detects a factor two, a window that is too short, and a stride that is ignored."""
    series = fading(np.random.default_rng(0), (8, 2000), 19.0).ravel()
    assert integrated_time(series, RUN, TIME) == pytest.approx(19.0, rel=0.1)
    assert integrated_time(series, RUN, 7 + 5 * TIME) == pytest.approx(19.0, rel=0.1)
    white = np.random.default_rng(1).normal(size=16000)
    assert integrated_time(white, RUN, TIME) == pytest.approx(1.0, abs=0.1)
    assert integrated_time(np.ones(16000), RUN, TIME) == 1.0


def test_missing_frames_do_not_shorten_the_memory():
    """Detects frames on both sides of a gap taken for neighbours."""
    series = fading(np.random.default_rng(2), (8, 2000), 19.0).ravel()
    kept = TIME % 100 < 40
    assert integrated_time(series[kept], RUN[kept], TIME[kept]) == pytest.approx(19.0, rel=0.2)


def test_runs_in_different_states_have_a_long_memory():
    """Detects a mean taken within each run where runs never meet, and the reverse."""
    series = np.random.default_rng(3).normal(size=16000) + 5.0 * (RUN % 2)
    assert integrated_time(series, RUN, TIME) > 300
    assert integrated_time(series, RUN, TIME, within=True) == pytest.approx(1.0, abs=0.1)
