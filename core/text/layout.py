"""The layout of a clean text: its labels, its files, and the parts of a list."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .labels import NO_LABEL, NO_RUNS, LabelRuns
from .split import PartName, Parts


class Piece(NamedTuple):
    """Consecutive text of one label, "" if it has none. ``part`` is the part that an item is for."""

    text: str
    label: str = ""
    part: PartName | None = None


@dataclass(frozen=True)
class Layout:
    """The labels and the files of a clean text.

    ``label_names``: the names of all labels, sorted. ``labels``: the labels of the characters.
    ``file_ends``: offset of the end of each file.
    ``item_parts``: the parts of a list, in which equal items are in the same part; None if the split does not look at
    items.
    """

    label_names: tuple[str, ...] = ()
    labels: LabelRuns = NO_RUNS
    file_ends: tuple[int, ...] = ()
    item_parts: Parts | None = None


class LayoutRecorder:
    """Notes the layout of a text, while its pieces pass through ``texts``, one after the other.

    ``notes`` are the changes made while reading, one line each.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self._size = 0
        self._numbers: dict[str, int] = {}
        self._label_ends, self._label_numbers = array("q"), array("q")
        self._file_ends: list[int] = []
        self._parts: dict[PartName, list[tuple[int, int]]] = {"train": [], "valid": [], "test": []}

    def texts(self, pieces: Iterable[Piece]) -> Iterator[str]:
        """Yield the texts of ``pieces``."""
        for piece in pieces:
            if piece.text:
                self._add(piece)
            yield piece.text

    def end_file(self) -> None:
        """Note that a file ends after the pieces so far."""
        self._file_ends.append(self._size)

    def finish(self) -> Layout:
        """Return the layout of all pieces."""
        names = sorted(self._numbers)
        parts = Parts(*(tuple(ranges) for ranges in self._parts.values()))
        return Layout(
            tuple(names),
            self._make_runs(names) if names else NO_RUNS,
            tuple(self._file_ends),
            parts if any(parts) else None,
        )

    def _add(self, piece: Piece) -> None:
        number = self._numbers.setdefault(piece.label, len(self._numbers)) if piece.label else NO_LABEL
        if not self._label_numbers or self._label_numbers[-1] != number:
            self._label_numbers.append(number)
            self._label_ends.append(0)
        start, self._size = self._size, self._size + len(piece.text)
        self._label_ends[-1] = self._size
        if piece.part:
            ranges = self._parts[piece.part]
            ranges.append((ranges.pop()[0] if ranges and ranges[-1][1] == start else start, self._size))

    def _make_runs(self, names: list[str]) -> LabelRuns:
        """Return the runs with the indices of ``names``, where so far labels are numbered in order of appearance."""
        order = np.array([*(names.index(name) for name in self._numbers), NO_LABEL])  # the last is for the number -1
        return LabelRuns(np.array(self._label_ends, np.int64), order[np.array(self._label_numbers, np.int64)])


class Slice(NamedTuple):
    """Consecutive text of a part, and the labels of its characters."""

    text: str
    labels: LabelRuns = NO_RUNS
