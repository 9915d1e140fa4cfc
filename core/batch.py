"""The streams that step together, and the rows of state and logits that are theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .runtime import Logits, Runtime, State, joined, selected
from .stream import Stream
from .tokenizer import Ids


class Batch:
    """Row n of every array belongs to ``streams[n]``. Who leaves takes a copy of its row along."""

    def __init__(self, runtime: Runtime, vocabulary: int) -> None:
        self.streams: list[Stream] = []
        self.logits: Logits = np.empty((0, vocabulary), np.float32)
        self._runtime, self._state = runtime, runtime.zeros(0)

    def join(self, joining: Sequence[Stream]) -> None:
        """Take rows in from streams that stood aside."""
        if joining:
            self.streams += joining
            self._state = joined([self._state, *(stream.state for stream in joining)])
            self.logits = np.concatenate([self.logits, *(stream.logits[None] for stream in joining)])

    def leave(self, leaves: Callable[[Stream], bool]) -> list[Stream]:
        """Let the streams for which ``leaves`` holds stand aside, each with its row."""
        leaving = [leaves(stream) for stream in self.streams]
        if not any(leaving):
            return []
        for row, stream in enumerate(self.streams):
            if leaving[row]:
                stream.state, stream.logits = self.row(row)
        rows = [row for row, gone in enumerate(leaving) if not gone]
        left = [stream for stream, gone in zip(self.streams, leaving, strict=True) if gone]
        self.streams = [self.streams[row] for row in rows]
        self._state, self.logits = selected(self._state, rows), self.logits[rows]
        return left

    def step(self, ids: Ids) -> None:
        """Read one token a row, ids (B,)."""
        self.logits, self._state = self._runtime.step(ids, self._state)

    def row(self, row: int) -> tuple[State, Logits]:
        """A copy of one row: state (1, ·) and logits (V,)."""
        return selected(self._state, [row]), self.logits[row].copy()
