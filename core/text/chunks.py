"""Texts that may be larger than memory: slices, chunks and character counts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Protocol

import numpy as np

CHUNK_CHARS = 1 << 20
"""Characters in a chunk."""


class TextLike(Protocol):
    """A str, or a text read from disk on demand."""

    def __len__(self) -> int:
        """Return the number of characters."""
        ...

    def __getitem__(self, index: slice, /) -> str:
        """Return a slice with step 1."""
        ...


class TextView:
    """Ranges (start, end) of a text, concatenated. It is sliced like a str; ``[:]`` returns all of it as a str."""

    def __init__(self, text: TextLike, *ranges: tuple[int, int]) -> None:
        self._text = text
        self._ranges = ranges
        self._ends = list(accumulate(end - start for start, end in ranges))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index: slice, /) -> str:
        start, stop, _ = index.indices(len(self))
        parts = []
        number = bisect_right(self._ends, start)
        while start < stop:
            range_stop = min(stop, self._ends[number])
            offset = self._ranges[number][1] - self._ends[number]
            parts.append(self._text[start + offset : range_stop + offset])
            start, number = range_stop, number + 1
        return "".join(parts)


def iter_chunks(text: TextLike, overlap: int = 0) -> Iterator[str]:
    """Yield ``text`` in chunks of ``CHUNK_CHARS`` characters, each with ``overlap`` characters of the next added.

    An empty text gives one empty chunk.
    """
    for start in range(0, max(1, len(text) - overlap), CHUNK_CHARS):
        yield text[start : start + CHUNK_CHARS + overlap]


def iter_lines(chunks: Iterable[str]) -> Iterator[str]:
    r"""Yield whole lines with their \n. The last may have none."""
    parts = list[str]()
    for chunk in chunks:
        *lines, last = chunk.split("\n")
        for line in lines:
            yield "".join([*parts, line, "\n"])
            parts = []
        parts.append(last)
    if any(parts):
        yield "".join(parts)


def subsample(text: TextLike, max_chars: int) -> TextView:
    """Return all of ``text``, or about ``max_chars`` characters of it in chunks spread evenly over it."""
    if len(text) <= max_chars:
        return TextView(text, (0, len(text)))
    count = max(1, max_chars // CHUNK_CHARS)
    starts = [number * len(text) // count for number in range(count)]
    return TextView(text, *((start, start + max_chars // count) for start in starts))


def count_characters(text: TextLike) -> dict[str, int]:
    """Return the number of occurrences of each character, in order of code points."""
    totals = np.zeros(0x110000, np.int64)
    for chunk in iter_chunks(text):
        counts = np.bincount(np.frombuffer(chunk.encode("utf-32-le", "surrogatepass"), "<u4"))
        totals[: len(counts)] += counts
    return {chr(code): int(totals[code]) for code in np.flatnonzero(totals)}
