"""Labels of a text: the author, the file or the folder of each part of it. A model learns a style for each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .files import Source
from .tokenizer import Ids, Tokenizer

NO_LABEL = -1
"""Id of a part without a label."""

MAX_LABEL_CHARS = 40
"""Characters of a label. The rest of a longer name is dropped."""

_NOT_IN_LABELS = re.compile(r"""[\s:;,/\\|<>()\[\]{}"'*?=]+|\.\.+|[^\x20-\U0010ffff]""")
"""Separators, and what has a meaning where labels are typed, such as ``a:0.7 b`` and ``a..b``."""


@dataclass(frozen=True, eq=False)
class LabelRuns:
    """The labels of a sequence of characters or tokens, in runs.

    ``ends``, exclusive and rising, and ``ids`` have the shape (n,). An id is the index of a label's name, or
    ``NO_LABEL``. Without runs, nothing has a label.
    """

    ends: NDArray[np.int64]
    ids: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ends)

    def at(self, positions: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the ids at ``positions``, in the same shape. They must not be beyond the last end."""
        return np.asarray(self.ids[np.searchsorted(self.ends, positions, "right")])

    def select(self, ranges: Iterable[tuple[int, int]]) -> LabelRuns:
        """Return the labels of the ranges (start, end) of the sequence, concatenated."""
        return join_runs([_cut(self, start, end) for start, end in ranges if len(self) and start < end])

    def to_bytes(self) -> bytes:
        """Return the ends and the ids as little-endian int64."""
        return np.stack([self.ends, self.ids]).astype("<i8").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> LabelRuns:
        """Return the runs that ``to_bytes`` wrote. Raises ValueError if ``data`` is cut short."""
        ends, ids = np.frombuffer(data, "<i8").reshape(2, -1).astype(np.int64)
        return cls(ends, ids)


NO_RUNS = LabelRuns(np.empty(0, np.int64), np.empty(0, np.int64))
"""The labels of a sequence that has none."""


def find_label(source: Source, kind: str) -> str:
    """Return the label of a file: by its name if ``kind`` is "file", by its folder if it is "folder", else ""."""
    if kind == "folder":
        return clean_label(source.folder)
    if kind == "file":
        stem = source.name.partition(".")[0]
        return clean_label(stem.lstrip("_").partition("_")[0])
    return ""


def clean_label(name: str) -> str:
    """Return a name in small letters, with a hyphen for what cannot be typed in a list of labels: "Jane Austen" becomes
    "jane-austen"."""
    return _NOT_IN_LABELS.sub("-", name.casefold().strip())[:MAX_LABEL_CHARS].strip("-")


def encode_runs(tokenizer: Tokenizer, text: str, runs: LabelRuns) -> tuple[Ids, LabelRuns]:
    """Return the ids of ``text`` and their labels. No token crosses a run.

    ``runs`` are the labels of the characters.
    """
    if not len(runs):
        return tokenizer.encode(text), NO_RUNS
    starts = [0, *runs.ends[:-1]]
    ids = [tokenizer.encode(text[start:end]) for start, end in zip(starts, runs.ends, strict=True)]
    return np.concatenate(ids), LabelRuns(np.cumsum([len(part) for part in ids]), runs.ids)


def join_runs(parts: Sequence[LabelRuns]) -> LabelRuns:
    """Return the labels of sequences that follow one another."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return NO_RUNS
    offsets = np.cumsum([0, *(part.ends[-1] for part in parts[:-1])])
    ends = [part.ends + offset for part, offset in zip(parts, offsets, strict=True)]
    return LabelRuns(np.concatenate(ends), np.concatenate([part.ids for part in parts]))


def _cut(runs: LabelRuns, start: int, end: int) -> LabelRuns:
    first, last = np.searchsorted(runs.ends, [start, end - 1], "right")
    return LabelRuns(np.minimum(runs.ends[first : last + 1], end) - start, runs.ids[first : last + 1])
