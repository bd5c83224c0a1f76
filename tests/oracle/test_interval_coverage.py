"""Every kind of interval that the report prints, on made-up correlated data whose truth is known.

With so many trials a coverage has an error of about one percent; the table in the documentation has more of them.
"""

from functools import partial

import pytest
from interval_coverage import EXPERIMENTS, coverage, smooth_divergence, two_state_divergence

TRIALS = 250
FEWER = {"JS of slow coordinates, 4 + 4 runs of 20 memories": 100}


@pytest.mark.parametrize("title", [title for title in EXPERIMENTS if "one-sided" not in title and "99.9" not in title])
def test_intervals_hold_the_truth(title: str):
    """95 ± 4 % of the intervals hold the truth, and there nearly always is one.

    Detects percentiles of a bootstrap over few runs, parts of runs that remember each other, divergences with their
    bias, a reference that counts as exact, and gains that are not paired.
    """
    for name, (held, given) in coverage(EXPERIMENTS[title], FEWER.get(title, TRIALS), 1).items():
        assert 0.91 <= held <= 0.99, (name, held)
        assert given > 0.9, (name, given)


@pytest.mark.parametrize("title", [title for title in EXPERIMENTS if "one-sided" in title or "99.9" in title])
def test_bounds_and_wide_intervals_hold_the_truth(title: str):
    """One-sided bounds of counts hold the truth in 95 % or more, intervals at 99.9 % nearly always.

    Detects two degrees of freedom too few, and a normal quantile for few replicas.
    """
    at_least = 0.98 if "99.9" in title else 0.93
    for name, (held, _) in coverage(EXPERIMENTS[title], 400, 1).items():
        assert held >= at_least, (name, held)


def test_runs_shorter_than_their_memory_give_no_interval():
    """Detects an interval from a single run that never changed state, or from two."""
    short = partial(smooth_divergence, runs=(1, 2), frames=200, memory=99.0, shift=0.3, period=None)
    frozen = partial(two_state_divergence, runs=(4, 4), frames=200, memory=999.0, shares=(0.5, 0.8))
    for experiment in (short, frozen):
        assert coverage(experiment, 40, 0)["JS"][1] < 0.05
