"""The parts of one unit of the network as bars with numbers: the gates, the candidate, c and h."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ....core.cells.units import SYMBOLS, Unit
from ....core.render.heat import unit_look
from .lens_bars import LensLine, render_bar

if TYPE_CHECKING:
    from ....core.session.unit_lens import UnitParts  # few sessions show a unit

ORDER = ("input", "forget", "candidate", "output", "cell", "hidden")
"""The parts in the order in which they are computed: two in a line, they make three lines."""

UNIT_ROWS = 8
"""Rows of all parts, one in a line, with a gap and a title above."""

COMPACT_ROWS = 3
"""Rows of all parts, two in a line."""

COMPACT_BAR = 2
"""Columns of a bar if two parts share a line."""

NAME_WIDTH = 10
"""Columns of a part's name and of a space."""

NUMBER_WIDTH = 6
"""Columns of a value, with a space that keeps it off its bar."""


def unit_lines(shown: tuple[Unit, UnitParts], width: int) -> list[LensLine]:
    """Return ``UNIT_ROWS`` lines."""
    unit, parts = shown
    bar_width = max(1, width - NAME_WIDTH - NUMBER_WIDTH)
    title: LensLine = [(f"unit {unit.layer}.{unit.index}", "dim")]
    rows = [[(f"{part:<{NAME_WIDTH}}", _style(part, unit)), *_bar(part, parts, bar_width)] for part in ORDER]
    return [[], title, *rows]


def compact_unit_lines(shown: tuple[Unit, UnitParts]) -> list[LensLine]:
    """Return ``COMPACT_ROWS`` lines of 22 columns."""
    unit, parts = shown
    halves = [[(f"{SYMBOLS[part]} ", _style(part, unit)), *_bar(part, parts, COMPACT_BAR)] for part in ORDER]
    return [[*left, ("  ", "dim"), *right] for left, right in zip(halves[::2], halves[1::2], strict=True)]


def _style(part: str, unit: Unit) -> str:
    """Return the style of a part's name: another for the one that colors the text."""
    return "taken" if part == unit.part else "dim"


def _bar(part: str, parts: UnitParts, width: int) -> LensLine:
    """Return a bar as long as the part, or tanh c, is far from 0, in the color that it has in a text; and the value."""
    value = parts[part]
    share = abs(math.tanh(value) if part == "cell" else value)
    number = f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
    return [(render_bar(share, width), unit_look(part, value)), (f"{number:>{NUMBER_WIDTH}}", "figure")]
