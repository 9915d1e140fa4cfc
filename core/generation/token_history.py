"""The token ids that a text has read: for penalties and DRY, and in snapshots."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..sampling.filters import TokenIds

MAX_HISTORY = 8192
"""Number of latest token ids that penalties and DRY see, that a saved snapshot holds, and that are read of a seed."""


class TokenHistory:
    """The ids read so far, as a linked list of chunks. Snapshots of one text share the chunks they have in common."""

    __slots__ = ("_ids", "_previous")

    def __init__(self, ids: ArrayLike = (), previous: TokenHistory | None = None) -> None:
        self._ids = np.array(ids, np.int32)
        self._previous = previous

    def recent(self, n: int) -> TokenIds:
        """Return the latest n ids, or all if there are fewer, oldest first."""
        chunks: list[TokenIds] = []
        chunk: TokenHistory | None = self
        while chunk is not None and n > 0:
            chunks.append(chunk._ids[-n:])
            n -= len(chunks[-1])
            chunk = chunk._previous
        return np.concatenate(chunks[::-1]) if chunks else np.empty(0, np.int32)


class TokenLog:
    """The growing history of a stream: the latest ids in one array, so that ``recent`` is a view of it.

    ``history`` returns all ids if ``keep_all``, else only those from before the stream.
    """

    def __init__(self, history: TokenHistory, keep_all: bool) -> None:
        ids = history.recent(MAX_HISTORY)
        self._end = len(ids)
        self._ids = np.empty(max(64, 2 * len(ids)), np.int32)
        self._ids[: self._end] = ids
        self._history = history
        self._keep_all = keep_all
        self._unsaved: list[int] = []

    def extend(self, ids: Sequence[int]) -> None:
        """Append the ids of new tokens."""
        if self._end + len(ids) > len(self._ids):
            latest = self.recent(MAX_HISTORY)
            self._ids = np.empty(2 * (len(latest) + len(ids)), np.int32)
            self._ids[: len(latest)], self._end = latest, len(latest)
        self._ids[self._end : self._end + len(ids)] = ids
        self._end += len(ids)
        if self._keep_all:
            self._unsaved += ids

    def recent(self, n: int) -> TokenIds:
        """Return the latest n ids, or all if there are fewer, oldest first. n is at most ``MAX_HISTORY``."""
        return self._ids[max(0, self._end - n) : self._end]

    def history(self) -> TokenHistory:
        """Return all ids so far. They share the older chunks with the history returned before."""
        self._history, self._unsaved = TokenHistory(self._unsaved, self._history), []
        return self._history
