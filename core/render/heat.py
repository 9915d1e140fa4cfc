"""Heat: the look of a token, by surprise, rank, entropy or temperature, or by the value of a unit of the network."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import NamedTuple

from ..events import Token
from ..setting_heat import GATE_PARTS, heat_unit


class HeatStyle(NamedTuple):
    """The look of a level: a color, and the weights "bold", "dim", "italic" and "reverse", separated by spaces.

    The color is "#rrggbb", the name of one of the terminal's own 16 colors ("bright_yellow"), or "" for its default.
    """

    color: str
    weight: str = ""


class Scale(NamedTuple):
    """The looks of five levels on each kind of screen, and on paper.

    ``on_dark`` and ``on_light`` are inks for these backgrounds, ``on_paper`` backgrounds of black print. ``with_16``
    has colors and weights for 16 colors, by True for a dark background. ``without_colors`` has weights.
    """

    on_dark: tuple[str, ...]
    on_light: tuple[str, ...]
    on_paper: tuple[str, ...]
    with_16: dict[bool, tuple[str, ...]]
    without_colors: tuple[str, ...]


NEUTRAL_INKS = {True: "#f2f2f2", False: "#1c1c1c"}
"""Ink of ordinary text, by True for a dark background."""

HEAT_ON_DARK = (NEUTRAL_INKS[True], "#ffcf9f", "#ffb26a", "#ff9440", "#ff722c")
"""Ink of each level on a dark background: one hue, darker and more saturated from level to level.

The nearest of a terminal's 256 colors differ by lightness too.
"""

HEAT_ON_LIGHT = (NEUTRAL_INKS[False], "#520800", "#7d0c00", "#a01000", "#c41400")
"""Ink of each level on a light background: one hue, lighter from level to level."""

HEAT_ON_PAPER = ("#ffffff", "#ffecce", "#ffd699", "#ffbc61", "#f09a2a")
"""Background of each level under black print. A printer without colors prints them as shades of gray."""

_SEQUENTIAL = Scale(
    HEAT_ON_DARK,
    HEAT_ON_LIGHT,
    HEAT_ON_PAPER,
    # Sixteen colors have no four strengths of one hue.
    {
        True: ("", "yellow", "bright_yellow", "bright_yellow bold", "bright_yellow reverse"),
        False: ("", "red", "bright_red", "bright_red bold", "red reverse"),
    },
    # The underline is left to copied text, and reverse to the cursor.
    ("dim", "", "italic", "bold", "bold italic"),
)

_DIVERGING = Scale(
    ("#5fafff", "#b4d7ff", NEUTRAL_INKS[True], "#ffcf9f", "#ff9440"),
    ("#0050d8", "#123c7a", NEUTRAL_INKS[False], "#7a3000", "#b03a00"),
    ("#7fb0ff", "#c9dcff", "#ffffff", "#ffe9c9", "#ffc46b"),
    {
        True: ("bright_blue", "bright_cyan", "", "yellow", "bright_yellow"),
        False: ("blue", "cyan", "", "bright_red", "red"),
    },
    ("dim italic", "dim", "", "bold", "bold italic"),
)
"""Blue below the middle, the text's own ink in it, orange above. Blue and orange differ for color-blind people too."""

SCALES = {"heat": _SEQUENTIAL, "unit": _DIVERGING}
"""The scales by the beginning of their looks' names: the strongest heat is "heat4", the lowest value "unit0"."""

_LEVEL_THRESHOLDS: dict[str, tuple[float, float, float, float]] = {
    "surprise": (1, 2, 4, 7),
    "rank": (2, 4, 11, 31),
    "entropy": (0.5, 1, 2, 3),
    "temperature": (0.5, 0.8, 1.001, 1.3),
}
"""Lowest values of levels 1 to 4, by the setting ``heat``. Surprise and entropy are in bits."""

_SIGNED_THRESHOLDS = (-0.7, -0.2, 0.2, 0.7)
"""Lowest values of levels 1 to 4 of c, h and the candidate g, around 0."""

_GATE_THRESHOLDS = (0.2, 0.4, 0.6, 0.8)
"""Lowest values of levels 1 to 4 of a gate, which is from 0 (shut) to 1 (open)."""

_LEGEND_TITLES = {"surprise": "surprise, bits", "rank": "rank", "entropy": "entropy, bits", "temperature": "T"}


def _thresholds(heat: str) -> tuple[float, float, float, float]:
    unit = heat_unit(heat)
    return _part_thresholds(unit.part) if unit else _LEVEL_THRESHOLDS[heat]


def _part_thresholds(part: str) -> tuple[float, float, float, float]:
    return _GATE_THRESHOLDS if part in GATE_PARTS else _SIGNED_THRESHOLDS


def heat_thresholds() -> dict[str, object]:
    """Return the lowest values of levels 1 to 4, ready for JSON: of figures by name, of c, h and g, and of gates."""
    return {"figures": _LEVEL_THRESHOLDS, "signed": _SIGNED_THRESHOLDS, "gate": _GATE_THRESHOLDS}


def unit_look(part: str, value: float) -> str:
    """Return the name of the look of a part of a unit: "unit0" to "unit4"."""
    return f"unit{bisect_right(_part_thresholds(part), value)}"


def scale_of(heat: str) -> str:
    """Return the name of the scale in which a heat is shown: a key of ``SCALES``."""
    return "unit" if heat_unit(heat) else "heat"


def legend(heat: str) -> tuple[str, list[str]]:
    """Return the title and the five labels of a legend: ("surprise, bits", ["< 1", "1", "2", "4", "7 and more"])."""
    *lower, highest = (f"{threshold:.3g}" for threshold in _thresholds(heat))
    return _LEGEND_TITLES.get(heat, heat), [f"< {lower[0]}", *lower, f"{highest} and more"]


def legend_looks(heat: str) -> list[tuple[str, str]]:
    """Return each label of a legend with the name of its look: [("< 1", "heat0"), …, ("7 and more", "heat4")]."""
    return [(label, f"{scale_of(heat)}{level}") for level, label in enumerate(legend(heat)[1])]


def heat_styles(colors: int, dark: bool, scale: str = "heat") -> list[HeatStyle]:
    """Return the look of each level on a dark or light background, with this number of colors; 0 if there are none."""
    looks = SCALES[scale]
    if not colors:
        return [HeatStyle("", weight) for weight in looks.without_colors]
    if colors > 16:
        return [HeatStyle(color) for color in (looks.on_dark if dark else looks.on_light)]
    return [HeatStyle(*look.split(" ", 1)) for look in looks.with_16[dark]]


def surprisal(token: Token) -> float:
    """Return the surprisal of a token in bits: -log2 of its probability in the model."""
    return -token.logprob / math.log(2)


def heat_level(token: Token, heat: str, value: float | None = None) -> int | None:
    """Return the level of a token, 0 to 4, by the setting ``heat``. None if that is "off".

    If it is a unit of the network, ``value`` is the unit's at this token; the level is None if it is not known.
    """
    if heat == "off":
        return None
    if heat in _LEVEL_THRESHOLDS:
        value = surprisal(token) if heat == "surprise" else float(getattr(token, heat))
    return None if value is None else bisect_right(_thresholds(heat), value)


def seed_look(heat: str) -> str:
    """Return the name of a seed's look: bold in a color of its own, or in ordinary ink beside the blue of a unit."""
    return "plain-seed" if heat_unit(heat) else "seed"


def heat_look(token: Token, heat: str, value: float | None = None) -> str | None:
    """Return the name of a token's look: "heat0" to "heat4", or "unit0" to "unit4". None if it has none.

    ``value`` is that of ``heat_level``.
    """
    level = heat_level(token, heat, value)
    return None if level is None else f"{scale_of(heat)}{level}"
