"""The draws of a few steps for all rows, told of all at once: the figures of many rows cost little more than of one."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from .filters import Array
from .runtime import Logits, State
from .sampler import describe
from .stream import Stream
from .tokenizer import Ids


class Draws:
    """Arrays of K steps for B rows. ``ids`` are the latest (B,)."""

    def __init__(self) -> None:
        self.ids: Ids = np.empty(0, np.int64)
        self._ids: list[Ids] = []
        self._logits: list[Array] = []
        self._shaped: list[Array] = []
        self._temperatures: list[Array] = []
        self._bounds: list[list[float]] | None = None
        self._kept: dict[int, dict[int, tuple[State, Logits]]] = defaultdict(dict)

    def add(self, logits: Array, shaped: Array, ids: Ids, temperatures: Array, bounds: list[float] | None) -> None:
        """A draw for every row: the model's logits and the chain's (B, V), ids (B,), T (B, 1), bounds on surprise."""
        self.ids = ids
        self._ids.append(ids)
        self._logits.append(logits)
        self._shaped.append(shaped)
        self._temperatures.append(temperatures)
        self._bounds = None if bounds is None else [*(self._bounds or []), bounds]

    def keep(self, row: int, state: State, logits: Logits) -> None:
        """The state of a row behind its latest token."""
        self._kept[row][len(self._ids) - 1] = state, logits

    def tell(self, streams: Sequence[Stream]) -> None:
        """Hand every stream its tokens. What fails in one is its own end alone."""
        tables = self._tables(len(streams))
        for row, stream in enumerate(streams):
            try:
                stream.accept(zip(*(table[row] for table in tables), strict=True), self._kept.get(row, {}))
            except Exception as error:
                stream.fail(error)

    def _tables(self, rows: int) -> list[Any]:
        """A table for each field of a token behind its text: its values by row and step."""
        steps = len(self._ids)
        logits, ids = np.concatenate(self._logits), np.concatenate(self._ids)
        untouched = all(shaped is raw for shaped, raw in zip(self._shaped, self._logits, strict=True))
        told = describe(logits, logits if untouched else np.concatenate(self._shaped), ids)
        columns = (ids, *told, np.concatenate(self._temperatures))
        tables = [column.reshape(steps, rows).T.tolist() for column in columns]
        if self._bounds is None:
            return [*tables, [[None] * steps] * rows]
        return [*tables, [[b if math.isfinite(b) else None for b in row] for row in zip(*self._bounds, strict=True)]]
