"""A passage as storage returns it, before a model has decoded its snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .passage import Passage


class RowVersion(NamedTuple):
    """Number of an autosaved passage, and the version of its row, which each save increases by 1."""

    id: int
    version: int


class StoredSnapshot(NamedTuple):
    """A snapshot of a node, as bytes. ``is_start`` is True if it is the one before the node's first token."""

    node: int
    is_start: bool
    data: bytes


class StoredPassage(NamedTuple):
    """A loaded passage, its row (None if it was saved under a name), and its stored snapshots."""

    passage: Passage
    row: RowVersion | None = None
    snapshots: Sequence[StoredSnapshot] = ()
