"""Numbers as text: what a reader sees must be what was measured."""

import pytest

from cgpipe.reporting.page import duration
from cgpipe.reporting.tables import bounds, number


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
