"""Heat: the color level of a token, from 0 (expected) to 4, by surprise, rank, entropy or temperature."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import NamedTuple

from ..events import Token


class HeatStyle(NamedTuple):
    """The look of a level: a color, and the weights "bold", "dim", "italic" and "reverse", separated by spaces.

    The color is "#rrggbb", the name of one of the terminal's own 16 colors ("bright_yellow"), or "" for its default.
    """

    color: str
    weight: str = ""


HEAT_ON_DARK = ("#f2f2f2", "#ffcf9f", "#ffb26a", "#ff9440", "#ff722c")
"""Ink of each level on a dark background: one hue, darker and more saturated from level to level.

The nearest of a terminal's 256 colors differ by lightness too.
"""

HEAT_ON_LIGHT = ("#1c1c1c", "#520800", "#7d0c00", "#a01000", "#c41400")
"""Ink of each level on a light background: one hue, lighter from level to level."""

HEAT_ON_PAPER = ("#ffffff", "#ffecce", "#ffd699", "#ffbc61", "#f09a2a")
"""Background of each level under black print. A printer without colors prints them as shades of gray."""

_WITH_16_COLORS = {
    True: ("", "yellow", "bright_yellow", "bright_yellow bold", "bright_yellow reverse"),
    False: ("", "red", "bright_red", "bright_red bold", "red reverse"),
}
"""Color and weight of each level, by True for a dark background. Sixteen colors have no four strengths of one hue."""

_WITHOUT_COLORS = ("dim", "", "italic", "bold", "bold italic")
"""Weight of each level. The underline is left to copied text, and reverse to the cursor."""

_LEVEL_THRESHOLDS: dict[str, tuple[float, float, float, float]] = {
    "surprise": (1, 2, 4, 7),
    "rank": (2, 4, 11, 31),
    "entropy": (0.5, 1, 2, 3),
    "temperature": (0.5, 0.8, 1.001, 1.3),
}
"""Lowest values of levels 1 to 4, by the setting ``heat``. Surprise and entropy are in bits."""

_LEGEND_TITLES = {"surprise": "surprise, bits", "rank": "rank", "entropy": "entropy, bits", "temperature": "T"}


def legend(heat: str) -> tuple[str, list[str]]:
    """Return the title and the five labels of a legend: ("surprise, bits", ["< 1", "1", "2", "4", "7 and more"])."""
    *lower, highest = (f"{threshold:.3g}" for threshold in _LEVEL_THRESHOLDS[heat])
    return _LEGEND_TITLES[heat], [f"< {lower[0]}", *lower, f"{highest} and more"]


def heat_styles(colors: int, dark: bool) -> list[HeatStyle]:
    """Return the look of each level on a dark or light background, with this number of colors; 0 if there are none."""
    if not colors:
        return [HeatStyle("", weight) for weight in _WITHOUT_COLORS]
    if colors > 16:
        return [HeatStyle(color) for color in (HEAT_ON_DARK if dark else HEAT_ON_LIGHT)]
    return [HeatStyle(*look.split(" ", 1)) for look in _WITH_16_COLORS[dark]]


def surprisal(token: Token) -> float:
    """Return the surprisal of a token in bits: -log2 of its probability in the model."""
    return -token.logprob / math.log(2)


def heat_level(token: Token, heat: str) -> int | None:
    """Return the level of a token, 0 to 4, by the setting ``heat``. None if that is "off"."""
    if heat == "off":
        return None
    value = surprisal(token) if heat == "surprise" else float(getattr(token, heat))
    return bisect_right(_LEVEL_THRESHOLDS[heat], value)
