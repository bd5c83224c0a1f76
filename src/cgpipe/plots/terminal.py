"""Curves as text: a grid of characters with two by four dots each."""

import math
from collections.abc import Mapping, Sequence

HEIGHT = 14
"""Rows of characters."""

MARGIN = 10
"""Characters left of the grid, for numbers."""

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a Braille character by row and column of its dots."""

BRAILLE = 0x2800


def plot(series: Mapping[str, tuple[Sequence[float], Sequence[float]]], width: int) -> list[str]:
    """Lines of text that show curves in one frame; points that are not finite are left out.

    Args:
        series: name → x and y.
        width: characters per line.
    """
    points = [[p for p in zip(*xy, strict=True) if all(map(math.isfinite, p))] for xy in series.values()]
    every = [point for curve in points for point in curve]
    if not every:
        return ["(nothing to show yet)"]
    columns = max(width - MARGIN - 1, 8)
    (left, right), (low, high) = (_range([p[axis] for p in every]) for axis in (0, 1))
    grid = [[0] * columns for _ in range(HEIGHT)]
    per_x, per_y = (2 * columns - 1) / (right - left), (4 * HEIGHT - 1) / (high - low)
    for curve in points:
        places = [(round((x - left) * per_x), round((high - y) * per_y)) for x, y in curve]
        for start, end in zip(places, [*places[1:], *places[-1:]], strict=True):
            for column, row in _between(start, end):
                grid[row // 4][column // 2] |= DOTS[row % 4][column % 2]
    lines = ["".join(chr(BRAILLE + dots) for dots in row) for row in grid]
    marks = {0: f"{high:.3g}", HEIGHT - 1: f"{low:.3g}"}
    framed = [f"{marks.get(row, ''):>{MARGIN - 1}} {line}" for row, line in enumerate(lines)]
    return [*framed, " " * MARGIN + f"{left:<{columns // 2}g}{right:>{columns - columns // 2}g}"]


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _between(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    """Dots of a straight line."""
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    across, down = ((b - a) / steps for a, b in zip(start, end, strict=True))
    return [(round(start[0] + across * n), round(start[1] + down * n)) for n in range(steps + 1)]
