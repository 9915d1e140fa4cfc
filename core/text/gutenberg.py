"""Strip Project Gutenberg's header and footer from a text that comes in chunks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

HEADER_WINDOW = 1 << 16
"""Characters at the beginning of a text that are searched for the start marker of the first book."""

LOOKBACK = 2_000
"""Characters withheld until the next chunk shows that no marker begins in them."""

_START = re.compile(r"\*\*\* ?START OF (?:THE|THIS) PROJECT GUTENBERG E(?:BOOK|TEXT)[^*]*\*\*\*", re.IGNORECASE)
_END = re.compile(
    r"(?:End of (?:the )?Project Gutenberg[^\n]*(?:\n[^\n]+){0,3}?\s*)?"
    r"\*\*\* ?END OF (?:THE|THIS) PROJECT GUTENBERG E(?:BOOK|TEXT)",
    re.IGNORECASE,
)
"""The end marker, with the line "End of the Project Gutenberg EBook of X, by Y" before it, which may be wrapped."""


def strip_boilerplate(chunks: Iterator[str], notes: list[str]) -> Iterator[str]:
    """Yield the text between the start and end markers of each book, or all of it if none begins near the start.

    If the end marker of the last book is missing, the book ends with the text. Appends the number of characters left
    out to ``notes``.
    """
    head = _read_head(chunks)
    if not _START.search(head):
        yield from chain([head], chunks)
        return
    books = _BookStripper()
    for chunk in chain([head], chunks):
        yield from books.feed(chunk)
    yield from books.flush()
    notes.append(
        f"{books.chars_read - books.chars_kept:,} characters of Project Gutenberg header and footer were left out"
        " (--keep-boilerplate keeps them)"
    )


class _BookStripper:
    """Finds the markers in chunks of text. Counts the characters read and kept.

    ``_inside``: True after a start marker. ``_started``: True after the first characters of the current book.
    """

    def __init__(self) -> None:
        self.chars_read = self.chars_kept = 0
        self._inside = self._started = False
        self._buffer = ""

    def feed(self, chunk: str) -> Iterator[str]:
        """Take the next chunk. Yield the text that is now known to belong to a book."""
        self.chars_read += len(chunk)
        self._buffer += chunk
        while marker := (_END if self._inside else _START).search(self._buffer):
            if self._inside:
                yield from self._emit(self._buffer[: marker.start()].rstrip("\n") + "\n")
            self._buffer = self._buffer[marker.end() :]
            self._inside = not self._inside
            self._started = False
        if self._inside:
            yield from self._emit(self._buffer[:-LOOKBACK])
        self._buffer = self._buffer[-LOOKBACK:]

    def flush(self) -> Iterator[str]:
        """Yield the rest of a book that has no end marker."""
        if self._inside:
            yield from self._emit(self._buffer)

    def _emit(self, text: str) -> Iterator[str]:
        text = text if self._started else text.lstrip("\n")
        self._started = self._started or bool(text)
        self.chars_kept += len(text)
        yield text


def _read_head(chunks: Iterator[str]) -> str:
    """Return the first chunks, joined: at least ``HEADER_WINDOW`` characters if the text has that many."""
    head = ""
    for chunk in chunks:
        head += chunk
        if len(head) >= HEADER_WINDOW:
            break
    return head
