"""The colors of a terminal that has 256 of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from rich.color import Color, ColorType
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as BackgroundColor
from textual.filter import LineFilter

CUBE_LEVELS = (0, 95, 135, 175, 215, 255)
"""Strengths of red, green and blue among the colors 16 to 231. Those before 16 are the user's own."""

GRAYS = range(8, 248, 10)
"""Strengths of the colors 232 to 255, which are gray."""


class NearestColors(LineFilter):
    """Replaces each color by the nearest of a terminal's 256.

    rich rounds red, green and blue one by one, which makes navy, teal and olive of grays with a tint.
    """

    def apply(self, segments: list[Segment], background: BackgroundColor) -> list[Segment]:  # noqa: ARG002
        """Return the segments of a line in these colors."""
        return [Segment(text, style and _nearest_style(style), control) for text, style, control in segments]


@lru_cache(maxsize=1024)
def _nearest_style(style: Style) -> Style:
    return style + Style.from_color(_nearest_color(style.color), _nearest_color(style.bgcolor))


@lru_cache(maxsize=1024)
def _nearest_color(color: Color | None) -> Color | None:
    """Return the color itself if the terminal has it."""
    if color is None or color.type is not ColorType.TRUECOLOR:
        return color
    red, green, blue = color.get_truecolor()
    cube = [_nearest_index(CUBE_LEVELS, part) for part in (red, green, blue)]
    gray = _nearest_index(GRAYS, (red + green + blue) // 3)
    numbers = (16 + 36 * cube[0] + 6 * cube[1] + cube[2], 232 + gray)
    shown = (*(CUBE_LEVELS[index] for index in cube),), (GRAYS[gray],) * 3
    distances = [sum((a - b) ** 2 for a, b in zip(each, (red, green, blue), strict=True)) for each in shown]
    return Color.from_ansi(numbers[distances[1] < distances[0]])


def _nearest_index(levels: Sequence[int], value: int) -> int:
    return min(range(len(levels)), key=lambda index: abs(levels[index] - value))
