"""Finds words in a text, over line breaks."""

from __future__ import annotations

import re
from collections.abc import Iterator

EXCERPT = 60
"""Characters of a long line that are shown before and after a match."""


def find_all(text: str, query: str) -> list[tuple[int, int]]:
    """Return (start, end) of every place where the words of ``query`` follow each other.

    Any white space may be between them. Case matters only if the query has a capital. There is no match of a query
    without words.
    """
    words = query.split()
    if not words:
        return []
    flags = re.NOFLAG if any(map(str.isupper, query)) else re.IGNORECASE
    return [match.span() for match in re.finditer(r"\s+".join(map(re.escape, words)), text, flags)]


def find_lines(text: str, query: str) -> Iterator[tuple[int, str]]:
    """Yield the lines in which a match begins, with their numbers from 1. Long ones are cut around the first match."""
    spans = iter(find_all(text, query))
    span = next(spans, None)
    offset = 0
    for number, line in enumerate(text.split("\n"), 1):
        if span and span[0] <= offset + len(line):
            yield number, _cut_around(line, span[0] - offset, span[1] - offset)
        while span and span[0] <= offset + len(line):
            span = next(spans, None)
        offset += len(line) + 1


def describe_no_match(query: str) -> str:
    """Return the message that there is no match."""
    return f"{query!r} is not in the text"


def _cut_around(line: str, start: int, end: int) -> str:
    first, last = max(0, start - EXCERPT), min(len(line), end + EXCERPT)
    return f"{'…' if first else ''}{line[first:last]}{'…' if last < len(line) else ''}"


def contains_words(text: str, query: str) -> bool:
    """True if each word of ``query`` is in ``text``, ignoring case."""
    folded = text.casefold()
    return all(word in folded for word in query.casefold().split())
