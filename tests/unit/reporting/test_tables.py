"""Numbers as text: what a reader sees must be what was measured."""

import pytest

from cgpipe.reporting.page import duration
from cgpipe.reporting.tables import bounds, divergence, js_row, number


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
    """Detects an interval that is swapped or rounded away."""
    assert bounds([-0.1, 0.25], 2) == "−0.10 … 0.25"
    assert bounds(None) == ""


@pytest.mark.parametrize(("seconds", "text"), [(12.3, "12 s"), (600.0, "10 min"), (7200.0, "2.0 h")])
def test_duration(seconds: float, text: str):
    """Detects a wrong unit."""
    assert duration(seconds) == text


def test_divergences_below_zero_are_shown_as_zero_and_missing_intervals_explained():
    """Detects a negative divergence on the page, and an interval that is missing without a word."""
    assert divergence(-0.0012) == "0" and divergence(0.0312) == "0.031" and divergence(None) == "–"
    v = {"js_x": -0.001, "js_x_interval": None, "js_x_interval_missing": "reference: why", "js_x_split_half": -0.1}
    row = js_row(v | {"js_x_between": None}, "x", "name", "")
    assert (row.value, row.interval, row.against) == ("0", "reference: why", "0 halves · – runs")
