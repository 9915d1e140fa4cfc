"""The draws of a few steps for all rows, told of all at once: the figures of many rows cost little more than of one."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..inference.runtime import Logits, StateArrays
from ..sampling.filters import Array
from ..sampling.sampler import TokenStats
from ..text.tokenizer import Ids
from .stream import Stream


class Burst:
    """K steps for B rows, as they are drawn."""

    def __init__(self) -> None:
        self.steps = 0
        self._ids: list[Ids] = []
        self._stats: list[Array] = []
        self._temperatures: list[list[float]] = []
        self._bounds: list[list[float]] = []
        self._saved_states: dict[int, dict[int, tuple[StateArrays, Logits]]] = defaultdict(dict)

    def append(self, ids: Ids, stats: Array, temperatures: list[float], bounds: list[float] | None = None) -> None:
        """K draws for every row: ids (K, B), Described (4, K, B), T (B), and bounds on surprise where there are any."""
        self.steps += len(ids)
        self._ids.append(ids)
        self._stats.append(stats)
        self._temperatures += [temperatures] * len(ids)
        if bounds is not None:
            self._bounds.append(bounds)

    def save_state(self, row: int, state: StateArrays, logits: Logits) -> None:
        """The state of a row behind its latest token."""
        self._saved_states[row][self.steps] = state, logits

    def deliver(self, streams: Sequence[Stream]) -> None:
        """Hand every stream its tokens. What fails in one is its own end alone."""
        for row, (stream, (ids, *stats)) in enumerate(zip(streams, self._columns_by_row(len(streams)), strict=True)):
            try:
                stream.add_tokens(ids, stats, self._saved_states.get(row, {}))
            except Exception as error:
                stream.fail(error)

    def _columns_by_row(self, rows: int) -> Iterator[tuple[list[Any], ...]]:
        """For each row the ids, and a list for each field of a token behind its id, all by step."""
        stats = TokenStats(*np.concatenate(self._stats, axis=1).transpose(0, 2, 1))
        stats = stats._replace(rank=stats.rank.astype(np.int64))
        tables = [column.tolist() for column in (np.concatenate(self._ids).T, *stats)]
        tables.append(list(zip(*self._temperatures, strict=True)))
        if not self._bounds:
            return zip(*tables, [[None] * self.steps] * rows, strict=True)
        bounds = [[b if math.isfinite(b) else None for b in row] for row in zip(*self._bounds, strict=True)]
        return zip(*tables, bounds, strict=True)
