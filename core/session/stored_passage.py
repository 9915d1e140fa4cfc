"""A passage as storage returns it, before a model has decoded its snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .passage import Passage

MAX_TIME = 253_402_300_800.0
"""Unix time at the end of the year 9999."""


class SavedPassage(NamedTuple):
    """An autosaved passage: its number, the Unix time of its last change, its model, and its text."""

    number: int
    changed: float
    model: str
    text: str

    @classmethod
    def from_row(cls, number: int, changed: object, model: object, text: object) -> SavedPassage:
        """Return the passage of a database row. In place of a damaged value it has 0 or ""."""
        return cls(
            number,
            changed if isinstance(changed, float) and 0 <= changed < MAX_TIME else 0.0,
            model if isinstance(model, str) else "",
            text if isinstance(text, str) else "",
        )


class RowVersion(NamedTuple):
    """Number of an autosaved passage, and the version of its row, which each save increases by 1."""

    id: int
    version: int


class StoredSnapshot(NamedTuple):
    """A snapshot of a node, as bytes. ``is_start`` is True if it is the one before the node's first token."""

    node: int
    is_start: bool
    data: bytes

    @classmethod
    def from_row(cls, node: object, is_start: object, data: object) -> StoredSnapshot | None:
        """Return the snapshot of a database row, None if the row is damaged."""
        if type(node) is not int or node < 0 or is_start not in (0, 1) or not isinstance(data, bytes):
            return None
        return cls(node, bool(is_start), data)


class StoredPassage(NamedTuple):
    """A loaded passage, its row (None if it was saved under a name), and its stored snapshots."""

    passage: Passage
    row: RowVersion | None = None
    snapshots: Sequence[StoredSnapshot] = ()
