"""A text that need not be in memory: what can be sliced like a str, stretches of it, and its characters counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

STRETCH = 1 << 20
"""Characters that are looked at at once where a text is gone through."""


class Text(Protocol):
    """A str, or what is read from a disk where it is needed."""

    def __len__(self) -> int:
        """Characters."""
        ...

    def __getitem__(self, where: slice, /) -> str:
        """Those from a place up to another; steps other than 1 are not for texts."""
        ...


class Part:
    """Stretches (start, end) of a text, one behind the other, sliced like one str; ``[:]`` is all of it as one."""

    def __init__(self, text: Text, *stretches: tuple[int, int]) -> None:
        self._text, self.stretches = text, stretches

    def __len__(self) -> int:
        return sum(end - start for start, end in self.stretches)

    def __getitem__(self, where: slice, /) -> str:
        start, stop, _ = where.indices(len(self))
        found = []
        for begin, end in self.stretches:
            size = end - begin
            found.append(self._text[begin + min(size, max(0, start)) : begin + min(size, max(0, stop))])
            start, stop = start - size, stop - size
        return "".join(found)


def stretches(text: Text, overlap: int = 0) -> Iterator[str]:
    """``text`` in stretches of a million characters; each shares ``overlap`` with the next, so that nothing is cut."""
    for at in range(0, max(1, len(text) - overlap), STRETCH):
        yield text[at : at + STRETCH + overlap]


def sample(text: Text, most: int) -> Part:
    """All of ``text``, or as many characters of it as ``most``, in stretches spread evenly over all of it."""
    if len(text) <= most:
        return Part(text, (0, len(text)))
    count = max(1, most // STRETCH)
    starts = [at * len(text) // count for at in range(count)]
    return Part(text, *((start, start + most // count) for start in starts))


def counted(text: Text) -> dict[str, int]:
    """How often each character occurs, in the order of code points."""
    totals = np.zeros(0x110000, np.int64)
    for stretch in stretches(text):
        counts = np.bincount(np.frombuffer(stretch.encode("utf-32-le", "surrogatepass"), "<u4"))
        totals[: len(counts)] += counts
    return {chr(code): int(totals[code]) for code in np.flatnonzero(totals)}
