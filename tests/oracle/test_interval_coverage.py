"""Every kind of interval that the report prints, on made-up correlated data whose truth is known.

With so many trials a coverage has an error of 1.3 %, which is allowed beside the 4 %; the table in the documentation
has more of them. They run in a process of their own, where the types of arrays are not checked at every call.
"""

import subprocess
import sys

import interval_coverage
import pytest

TRIALS, ERROR = 300, 0.013
ONE_SIDED = ("one-sided", "99.9")
UNSUPPORTED = ("1 + 2 runs of 2 memories", "a fifth of a memory")


@pytest.fixture(scope="module")
def table() -> dict[str, dict[str, tuple[float, float]]]:
    """Experiment → quantity → share of intervals that hold the truth, and of trials that gave one."""
    command = [sys.executable, interval_coverage.__file__, "--trials", str(TRIALS), "--seed", "1"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[2:]
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for line in lines:
        title, shares, given = (part.strip() for part in line.strip("|").split("|"))
        pairs = (part.rsplit(" ", 1) for part in shares.split(", "))
        found[title] = {quantity: (float(held) / 100, float(given) / 100) for quantity, held in pairs}
    return found


def test_intervals_hold_the_truth(table: dict[str, dict[str, tuple[float, float]]]):
    """95 ± 4 % of the intervals hold the truth, and there nearly always is one.

    Detects percentiles of a bootstrap over few runs, parts of runs that remember each other, divergences with their
    bias, a reference that counts as exact, and gains that are not paired.
    """
    usual = [title for title in table if not any(word in title for word in ONE_SIDED + UNSUPPORTED)]
    assert len(usual) >= 15
    for title in usual:
        for quantity, (held, given) in table[title].items():
            assert 0.91 - ERROR <= held <= 0.99 + ERROR / 2, (title, quantity, held)
            assert given > 0.9, (title, quantity, given)


def test_bounds_and_wide_intervals_hold_the_truth(table: dict[str, dict[str, tuple[float, float]]]):
    """One-sided bounds of counts hold the truth in 95 % or more, intervals at 99.9 % nearly always.

    Detects two degrees of freedom too few, and a normal quantile for few replicas.
    """
    for title in table:
        for held, _ in table[title].values() if any(word in title for word in ONE_SIDED) else ():
            assert held >= (0.985 if "99.9" in title else 0.95 - ERROR), title


def test_runs_shorter_than_their_memory_give_no_interval(table: dict[str, dict[str, tuple[float, float]]]):
    """Detects an interval from single runs that never saw another state."""
    found = [table[title]["JS"][1] for title in table if any(word in title for word in UNSUPPORTED)]
    assert len(found) == 2 and max(found) < 0.1
