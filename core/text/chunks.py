"""A text that need not be in memory: what can be sliced like a str, stretches of it, and its characters counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

CHUNK_CHARS = 1 << 20
"""Characters that are looked at at once where a text is gone through."""


class TextLike(Protocol):
    """A str, or what is read from a disk where it is needed."""

    def __len__(self) -> int:
        """Characters."""
        ...

    def __getitem__(self, index: slice, /) -> str:
        """Those from a place up to another; steps other than 1 are not for texts."""
        ...


class TextView:
    """Stretches (start, end) of a text, one behind the other, sliced like one str; ``[:]`` is all of it as one."""

    def __init__(self, text: TextLike, *ranges: tuple[int, int]) -> None:
        self._text, self.ranges = text, ranges

    def __len__(self) -> int:
        return sum(end - start for start, end in self.ranges)

    def __getitem__(self, index: slice, /) -> str:
        start, stop, _ = index.indices(len(self))
        found = []
        for begin, end in self.ranges:
            size = end - begin
            found.append(self._text[begin + min(size, max(0, start)) : begin + min(size, max(0, stop))])
            start, stop = start - size, stop - size
        return "".join(found)


def iter_chunks(text: TextLike, overlap: int = 0) -> Iterator[str]:
    """``text`` in stretches of a million characters; each shares ``overlap`` with the next, so that nothing is cut."""
    for at in range(0, max(1, len(text) - overlap), CHUNK_CHARS):
        yield text[at : at + CHUNK_CHARS + overlap]


def subsample(text: TextLike, max_chars: int) -> TextView:
    """All of ``text``, or as many characters of it as ``most``, in stretches spread evenly over all of it."""
    if len(text) <= max_chars:
        return TextView(text, (0, len(text)))
    count = max(1, max_chars // CHUNK_CHARS)
    starts = [at * len(text) // count for at in range(count)]
    return TextView(text, *((start, start + max_chars // count) for start in starts))


def count_characters(text: TextLike) -> dict[str, int]:
    """How often each character occurs, in the order of code points."""
    totals = np.zeros(0x110000, np.int64)
    for stretch in iter_chunks(text):
        counts = np.bincount(np.frombuffer(stretch.encode("utf-32-le", "surrogatepass"), "<u4"))
        totals[: len(counts)] += counts
    return {chr(code): int(totals[code]) for code in np.flatnonzero(totals)}
