"""Project Gutenberg's header and footer, left out of a text that comes in pieces."""

from __future__ import annotations

import re
from collections.abc import Iterator

HEADER_WINDOW = 1 << 16
"""Characters in which the first book's marked line has to stand."""

LOOKBACK = 2_000
"""Characters that are held back while the next piece may show that a footer began in them."""

_START = re.compile(r"\*\*\* ?START OF (?:THE|THIS) PROJECT GUTENBERG E(?:BOOK|TEXT)[^*]*\*\*\*", re.IGNORECASE)
_END = re.compile(
    r"(?:End of (?:the )?Project Gutenberg[^\n]*(?:\n[^\n]+){0,3}?\s*)?"
    r"\*\*\* ?END OF (?:THE|THIS) PROJECT GUTENBERG E(?:BOOK|TEXT)",
    re.IGNORECASE,
)
"""Books say "End of the Project Gutenberg EBook of X, by Y" before the marked line, wrapped where that is long."""


def strip_boilerplate(chunks: Iterator[str], notes: list[str]) -> Iterator[str]:
    """What stands between the marked lines, of one book or of several one behind the other; else all of it.

    What was left out is told in ``notes`` at the end. A book that is cut off before its footer loses its header.
    """
    head = _read_head(chunks)
    if not _START.search(head):
        yield head
        yield from chunks
        return
    books = _BookStripper()
    for piece in _prepend(head, chunks):
        yield from books.feed(piece)
    yield from books.flush()
    notes.append(
        f"{books.chars_read - books.chars_kept:,} characters of Project Gutenberg header and footer were left out"
        " (--keep-boilerplate keeps them)"
    )


class _BookStripper:
    """Inside a book or between two, with what has come and is not decided yet."""

    def __init__(self) -> None:
        self.chars_read = self.chars_kept = 0
        self._inside = self._started = False
        self._buffer = ""

    def feed(self, chunk: str) -> Iterator[str]:
        """What the piece shows to belong to a book."""
        self.chars_read += len(chunk)
        self._buffer += chunk
        while mark := (_END if self._inside else _START).search(self._buffer):
            if self._inside:
                yield from self._emit(self._buffer[: mark.start()].rstrip("\n") + "\n")
            self._buffer = self._buffer[mark.end() :]
            self._inside, self._started = not self._inside, False
        if self._inside:
            yield from self._emit(self._buffer[:-LOOKBACK])
        self._buffer = self._buffer[-LOOKBACK:]

    def flush(self) -> Iterator[str]:
        """What is left of a book whose end never came."""
        if self._inside:
            yield from self._emit(self._buffer)

    def _emit(self, text: str) -> Iterator[str]:
        text = text if self._started else text.lstrip("\n")
        self._started = self._started or bool(text)
        self.chars_kept += len(text)
        yield text


def _read_head(chunks: Iterator[str]) -> str:
    head = ""
    for piece in chunks:
        head += piece
        if len(head) >= HEADER_WINDOW:
            break
    return head


def _prepend(head: str, chunks: Iterator[str]) -> Iterator[str]:
    yield head
    yield from chunks
