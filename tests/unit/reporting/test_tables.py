"""Numbers as text: what a reader sees must be what was measured."""

import pytest

from cgpipe.reporting.ensemble_rows import free_energy_row
from cgpipe.reporting.page import duration
from cgpipe.reporting.tables import bounds, divergence, number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (348.0, "348"),
        (9.3, "9.30"),
        (12.863757, "12.9"),
        (-0.00123, "−0.00123"),
        (-0.0000189, "−1.89·10⁻⁵"),
        (1.98e-7, "1.98·10⁻⁷"),
        (123456.7, "1.23·10⁵"),
        (1765.3, "1765"),
        (99.96, "100"),
    ],
)
def test_number(value: float | None, text: str):
    """Detects lost digits, wrong exponents and two kinds of minus."""
    assert number(value) == text


def test_bounds():
    """Detects an interval that is swapped or rounded away, and an open end as a number."""
    assert bounds([-0.1, 0.25], 2) == "−0.10 … 0.25"
    assert bounds([1.5, None], 2) == "above 1.5" and bounds([None, 0.25], 2) == "below 0.25"
    assert bounds(None) == ""


@pytest.mark.parametrize(("seconds", "text"), [(12.3, "12 s"), (600.0, "10 min"), (7200.0, "2.0 h")])
def test_duration(seconds: float, text: str):
    """Detects a wrong unit."""
    assert duration(seconds) == text


def test_divergences_below_zero_are_shown_as_zero():
    """Detects a negative divergence on the page."""
    assert divergence(-0.0012) == "0" and divergence(0.0312) == "0.031" and divergence(None) == "–"


def test_free_energies_stand_beside_the_prior_and_the_reference():
    """Detects a model's number alone, a lower bound without its mark, and an interval missing without a word."""
    ours = {"": 0.25, "_interval": None, "_interval_missing": "reference: why", "_unvisited": 0, "_states": 4}
    others = {"_prior": 1.5, "_prior_unvisited": 2, "_split_half": 0.1, "_between": None}
    v = {f"free_energy_x{key}": value for key, value in (ours | others).items()}
    row = free_energy_row(v, "x", "name", "hint")
    assert (row.name, row.value, row.interval) == ("name: ΔF  [kT]", "0.25", "reference: why")
    assert row.against == "prior alone ≥ 1.50 · reference: halves 0.10, runs –"
    assert free_energy_row(v | {"free_energy_x_unvisited": 1}, "x", "name", "").value == "≥ 0.25"
