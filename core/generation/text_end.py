"""The places at which a text may end: before a stop text, and after a sentence or a line."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_LOOK_BACK = 32
"""Characters before a place that decide whether a sentence ends there, at most."""

_MARKS, _MARKS_WITHOUT_SPACE, _CLOSERS = ".!?…۔؟।॥։።", "。！？｡", "\"'”’“‘»›)\\]}」』）】》〉"

_ENDS = {
    # White space must follow ".", or 3.14 would be two sentences. "Mr. " cannot be told from an end.
    "sentence": re.compile(
        rf"(?:[{_MARKS}][{_CLOSERS}]{{0,8}}(?=\s)"
        rf"|[{_MARKS_WITHOUT_SPACE}][{_CLOSERS}]{{0,8}}(?=[^{_CLOSERS}{_MARKS}{_MARKS_WITHOUT_SPACE}]))(\s{{0,8}})"
    ),
    "line": re.compile(r"(\n)"),
}
"""Patterns by value of the setting ``finish``. The text may end at both ends of the group, and within it."""


def find_end(before: str, text: str, least: int, finish: str) -> int | None:
    """Return the first index of ``text``, from ``least`` on, at which a sentence or a line ends; None if none does.

    ``before`` are the latest ``MAX_LOOK_BACK`` characters before ``text``. A sentence ends before the white space after
    it: it is known to end only when the character after it is.
    """
    for match in _ENDS[finish].finditer(before + text):
        first, last = (index - len(before) for index in match.span(1))
        if last >= least:
            return max(first, least)
    return None


def split_at_stop(text: str, stops: Iterable[str], keep: bool = False) -> tuple[str, str, bool]:
    """Split ``text`` at the first stop text: the text to show, the text to withhold, and True if one is complete.

    The text to withhold is the end of ``text`` that may become a stop text. The text to show ends before the stop text,
    or after it if ``keep``; of two that begin at the same place, after the shorter one.
    """
    found = [(start, start + len(stop)) for stop in stops if (start := text.find(stop)) >= 0]
    if found:
        return text[: min(found)[keep]], "", True
    withheld = max((_overlap(text, stop) for stop in stops), default=0)
    return text[: len(text) - withheld], text[len(text) - withheld :], False


def _overlap(text: str, stop: str) -> int:
    """Return the number of characters at the end of ``text`` that could begin ``stop``."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
