"""The draws of a few steps for all rows, told of all at once: the figures of many rows cost little more than of one."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..inference.runtime import Logits, State
from ..sampling.filters import Array
from ..sampling.sampler import Described
from ..text.tokenizer import Ids
from .stream import Stream


class Draws:
    """K steps for B rows, as they are drawn."""

    def __init__(self) -> None:
        self.steps = 0
        self._ids: list[Ids] = []
        self._told: list[Array] = []
        self._temperatures: list[list[float]] = []
        self._bounds: list[list[float]] = []
        self._kept: dict[int, dict[int, tuple[State, Logits]]] = defaultdict(dict)

    def add(self, ids: Ids, told: Array, temperatures: list[float], bounds: list[float] | None = None) -> None:
        """K draws for every row: ids (K, B), Described (4, K, B), T (B), and bounds on surprise where there are any."""
        self.steps += len(ids)
        self._ids.append(ids)
        self._told.append(told)
        self._temperatures += [temperatures] * len(ids)
        if bounds is not None:
            self._bounds.append(bounds)

    def keep(self, row: int, state: State, logits: Logits) -> None:
        """The state of a row behind its latest token."""
        self._kept[row][self.steps] = state, logits

    def tell(self, streams: Sequence[Stream]) -> None:
        """Hand every stream its tokens. What fails in one is its own end alone."""
        for row, (stream, (ids, *told)) in enumerate(zip(streams, self._tables(len(streams)), strict=True)):
            try:
                stream.accept(ids, told, self._kept.get(row, {}))
            except Exception as error:
                stream.fail(error)

    def _tables(self, rows: int) -> Iterator[tuple[list[Any], ...]]:
        """For each row the ids, and a list for each field of a token behind its id, all by step."""
        told = Described(*np.concatenate(self._told, axis=1).transpose(0, 2, 1))
        told = told._replace(rank=told.rank.astype(np.int64))
        tables = [column.tolist() for column in (np.concatenate(self._ids).T, *told)]
        tables.append(list(zip(*self._temperatures, strict=True)))
        if not self._bounds:
            return zip(*tables, [[None] * self.steps] * rows, strict=True)
        bounds = [[b if math.isfinite(b) else None for b in row] for row in zip(*self._bounds, strict=True)]
        return zip(*tables, bounds, strict=True)
