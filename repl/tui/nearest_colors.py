"""The colors of a terminal that has 256 of them."""

from __future__ import annotations

from functools import lru_cache

from rich.color import Color, ColorType
from rich.palette import Palette
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as BackgroundColor
from textual.filter import LineFilter

FIRST_FIXED = 16
"""Number of the first color that is the same on each terminal. Those before it are the user's own."""


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
    return Color.from_ansi(FIRST_FIXED + _palette().match(color.get_truecolor()))


@lru_cache(maxsize=1)
def _palette() -> Palette:
    return Palette([(*Color.from_ansi(number).get_truecolor(),) for number in range(FIRST_FIXED, 256)])
