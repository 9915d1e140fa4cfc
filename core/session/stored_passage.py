"""A passage as storage returns it, before a model has decoded its snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .passage import Passage


class RowVersion(NamedTuple):
    """Number of an autosaved passage, and its version. Each save increases the version by 1."""

    id: int
    version: int


class StoredSnapshot(NamedTuple):
    """A snapshot as bytes. ``is_start`` is True for the one before the first token of its node."""

    node: int
    is_start: bool
    data: bytes


class StoredPassage(NamedTuple):
    """A loaded passage, its row (None if it was saved under a name), and its snapshots."""

    passage: Passage
    row: RowVersion | None = None
    snapshots: Sequence[StoredSnapshot] = ()
