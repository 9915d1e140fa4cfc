"""Heat: the color level of a token, from 0 (expected) to 4, by surprise, rank, entropy or temperature."""

from __future__ import annotations

import math
from bisect import bisect_right

from ..events import Token

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


def surprisal(token: Token) -> float:
    """Return the surprisal of a token in bits: -log2 of its probability in the model."""
    return -token.logprob / math.log(2)


def heat_level(token: Token, heat: str) -> int | None:
    """Return the level of a token, 0 to 4, by the setting ``heat``. None if that is "off"."""
    if heat == "off":
        return None
    value = surprisal(token) if heat == "surprise" else float(getattr(token, heat))
    return bisect_right(_LEVEL_THRESHOLDS[heat], value)
