"""Curves drawn in braille: two by four dots in every cell of a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from rich.text import Text

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot by row and column, as Unicode numbers them from U+2800 on."""


class Curve(NamedTuple):
    """Points (x, y) in the order of x, drawn in a style of rich's."""

    points: Sequence[tuple[float, float]]
    style: str


def render_braille(curves: Sequence[Curve], width: int, height: int) -> Text:
    """``height`` lines with the curves in ``width`` cells, the largest and smallest value at their left."""
    xs = [x for curve in curves for x, _ in curve.points]
    ys = [y for curve in curves for _, y in curve.points]
    if not xs:
        return Text("\n" * (height - 1))
    low, high = min(ys), max(max(ys), min(ys) + 0.01)
    cells: dict[tuple[int, int], tuple[int, str]] = {}
    for curve in curves:
        for column, row in _dots(curve.points, (max(xs), low, high), 2 * width, 4 * height):
            place = (row // 4, column // 2)
            bits, _ = cells.get(place, (0, ""))
            cells[place] = (bits | _DOTS[row % 4][column % 2], curve.style)
    text = Text()
    for row in range(height):
        label = f"{high:6.2f} " if row == 0 else f"{low:6.2f} " if row == height - 1 else " " * 7
        text.append(label, "dim")
        for column in range(width):
            bits, style = cells.get((row, column), (0, ""))
            text.append(chr(0x2800 + bits) if bits else " ", style)
        text.append("\n" if row < height - 1 else "")
    return text


def _dots(
    points: Sequence[tuple[float, float]], bounds: tuple[float, float, float], columns: int, rows: int
) -> list[tuple[int, int]]:
    """The dots of a line through the points: in every column one, and what joins it to the one before."""
    last, low, high = bounds
    placed = [
        (round(x / (last or 1) * (columns - 1)), round((high - y) / (high - low) * (rows - 1))) for x, y in points
    ]
    dots = [placed[0]] if placed else []
    for (x0, y0), (x1, y1) in pairwise(placed):
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        dots += [(x0 + (x1 - x0) * n // steps, y0 + (y1 - y0) * n // steps) for n in range(1, steps + 1)]
    return dots
