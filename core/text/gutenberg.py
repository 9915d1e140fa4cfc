"""Project Gutenberg's header and footer, left out of a text that comes in pieces."""

from __future__ import annotations

import re
from collections.abc import Iterator

HEAD = 1 << 16
"""Characters in which the first book's marked line has to stand."""

HELD = 2_000
"""Characters that are held back while the next piece may show that a footer began in them."""

_START = re.compile(r"\*\*\* ?START OF (?:THE|THIS) PROJECT GUTENBERG E(?:BOOK|TEXT)[^*]*\*\*\*", re.IGNORECASE)
_END = re.compile(
    r"(?:End of (?:the )?Project Gutenberg[^\n]*(?:\n[^\n]+){0,3}?\s*)?"
    r"\*\*\* ?END OF (?:THE|THIS) PROJECT GUTENBERG E(?:BOOK|TEXT)",
    re.IGNORECASE,
)
"""Books say "End of the Project Gutenberg EBook of X, by Y" before the marked line, wrapped where that is long."""


def without_boilerplate(pieces: Iterator[str], notes: list[str]) -> Iterator[str]:
    """What stands between the marked lines, of one book or of several one behind the other; else all of it.

    What was left out is told in ``notes`` at the end. A book that is cut off before its footer loses its header.
    """
    head = _head(pieces)
    if not _START.search(head):
        yield head
        yield from pieces
        return
    books = _Books()
    for piece in _again(head, pieces):
        yield from books.read(piece)
    yield from books.rest()
    notes.append(
        f"{books.read_so_far - books.kept:,} characters of Project Gutenberg header and footer were left out"
        " (--keep-boilerplate keeps them)"
    )


class _Books:
    """Inside a book or between two, with what has come and is not decided yet."""

    def __init__(self) -> None:
        self.read_so_far = self.kept = 0
        self._inside = self._begun = False
        self._buffer = ""

    def read(self, piece: str) -> Iterator[str]:
        """What the piece shows to belong to a book."""
        self.read_so_far += len(piece)
        self._buffer += piece
        while mark := (_END if self._inside else _START).search(self._buffer):
            if self._inside:
                yield from self._keep(self._buffer[: mark.start()].rstrip("\n") + "\n")
            self._buffer = self._buffer[mark.end() :]
            self._inside, self._begun = not self._inside, False
        if self._inside:
            yield from self._keep(self._buffer[:-HELD])
        self._buffer = self._buffer[-HELD:]

    def rest(self) -> Iterator[str]:
        """What is left of a book whose end never came."""
        if self._inside:
            yield from self._keep(self._buffer)

    def _keep(self, text: str) -> Iterator[str]:
        text = text if self._begun else text.lstrip("\n")
        self._begun = self._begun or bool(text)
        self.kept += len(text)
        yield text


def _head(pieces: Iterator[str]) -> str:
    head = ""
    for piece in pieces:
        head += piece
        if len(head) >= HEAD:
            break
    return head


def _again(head: str, pieces: Iterator[str]) -> Iterator[str]:
    yield head
    yield from pieces
