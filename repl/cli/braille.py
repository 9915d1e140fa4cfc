"""Line plots in braille characters: two by four dots per terminal cell."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from rich.text import Text

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bit of each dot by row and column, added to U+2800."""


class Curve(NamedTuple):
    """Points (x, y) sorted by x, and a rich style."""

    points: Sequence[tuple[float, float]]
    style: str


def render_braille(curves: Sequence[Curve], width: int, height: int) -> Text:
    """Return ``height`` lines of ``width`` cells with the curves, with the largest and smallest y at the left."""
    xs = [x for curve in curves for x, _ in curve.points]
    ys = [y for curve in curves for _, y in curve.points]
    if not xs:
        return Text("\n" * (height - 1))
    low, high = min(ys), max(max(ys), min(ys) + 0.01)
    cells = _plot_cells(curves, (max(xs), low, high), width, height)
    text = Text()
    labels = {height - 1: low, 0: high}
    for row in range(height):
        text.append(f"{labels[row]:6.2f} " if row in labels else " " * 7, "dim")
        for column in range(width):
            bits, style = cells.get((row, column), (0, ""))
            text.append(chr(0x2800 + bits) if bits else " ", style)
        text.append("\n" if row < height - 1 else "")
    return text


def _plot_cells(
    curves: Sequence[Curve], bounds: tuple[float, float, float], width: int, height: int
) -> dict[tuple[int, int], tuple[int, str]]:
    """Return the bits and the style of each cell (row, column) with dots. The style is that of the last curve in it."""
    cells: dict[tuple[int, int], tuple[int, str]] = {}
    for curve in curves:
        for column, row in _dots(curve.points, bounds, 2 * width, 4 * height):
            cell = (row // 4, column // 2)
            bits, _ = cells.get(cell, (0, ""))
            cells[cell] = (bits | _DOTS[row % 4][column % 2], curve.style)
    return cells


def _dots(
    points: Sequence[tuple[float, float]], bounds: tuple[float, float, float], columns: int, rows: int
) -> list[tuple[int, int]]:
    """Return the dots (column, row) of a line through the points.

    ``bounds`` are the largest x, the smallest y and the largest y.
    """
    max_x, low, high = bounds
    corners = [
        (round(x / (max_x or 1) * (columns - 1)), round((high - y) / (high - low) * (rows - 1))) for x, y in points
    ]
    dots = [corners[0]] if corners else []
    for (x0, y0), (x1, y1) in pairwise(corners):
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        dots += [(x0 + (x1 - x0) * n // steps, y0 + (y1 - y0) * n // steps) for n in range(1, steps + 1)]
    return dots
