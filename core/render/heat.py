"""How warm a token is: a level from 0 (as expected) to 4 for each thing that a reader may want coloured."""

from __future__ import annotations

import math
from bisect import bisect_right

from ..events import Token

LEVELS = 5

_LEVEL_THRESHOLDS: dict[str, tuple[float, float, float, float]] = {
    "surprise": (1, 2, 4, 7),
    "rank": (2, 4, 11, 31),
    "entropy": (0.5, 1, 2, 3),
    "temperature": (0.5, 0.8, 1.001, 1.3),
}
"""Where the next level begins: bits, places, bits, and T."""


_LEGEND_TITLES = {"surprise": "surprise, bits", "rank": "rank", "entropy": "entropy, bits", "temperature": "T"}


def legend(heat: str) -> tuple[str, list[str]]:
    """What is coloured, and what each level means: ("surprise, bits", ["< 1", "1", "2", "4", "7 and more"])."""
    lowest, *others = (f"{edge:.3g}" for edge in _LEVEL_THRESHOLDS[heat])
    return _LEGEND_TITLES[heat], [f"< {lowest}", lowest, *others[:-1], f"{others[-1]} and more"]


def surprisal(token: Token) -> float:
    """How unexpected the token was to the model, in bits."""
    return -token.logprob / math.log(2)


def heat_level(token: Token, heat: str) -> int | None:
    """The level of a token under the setting ``heat``; None where it is off."""
    if heat == "off":
        return None
    value = surprisal(token) if heat == "surprise" else float(getattr(token, heat))
    return bisect_right(_LEVEL_THRESHOLDS[heat], value)
