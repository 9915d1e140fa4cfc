"""The width of text on a terminal."""

from __future__ import annotations

import unicodedata


def display_width(text: str) -> int:
    """Return the number of columns of a text: 2 for a wide character, 0 for a combining mark, 1 for others."""
    return sum(map(_character_width, text))


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
