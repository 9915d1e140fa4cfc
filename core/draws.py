"""The draws of a few steps for all rows, told of all at once: the figures of many rows cost little more than of one."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .filters import Array
from .runtime import Logits, State
from .sampler import Picked, describe
from .stream import Stream


class Draws:
    """K steps for B rows, as they are drawn."""

    def __init__(self) -> None:
        self._logits: list[Array] = []
        self._picked: list[Picked] = []
        self._temperatures: list[Array] = []
        self._bounds: list[list[float]] = []
        self._kept: dict[int, dict[int, tuple[State, Logits]]] = defaultdict(dict)

    def add(self, logits: Array, picked: Picked, temperatures: Array, bounds: list[float] | None) -> None:
        """A draw for every row: the model's logits (B, V), T (B, 1), and bounds on surprise where there are any."""
        self._logits.append(logits)
        self._picked.append(picked)
        self._temperatures.append(temperatures)
        if bounds is not None:
            self._bounds.append(bounds)

    def keep(self, row: int, state: State, logits: Logits) -> None:
        """The state of a row behind its latest token."""
        self._kept[row][len(self._picked)] = state, logits

    def tell(self, streams: Sequence[Stream]) -> None:
        """Hand every stream its tokens. What fails in one is its own end alone."""
        for row, (stream, (ids, *told)) in enumerate(zip(streams, self._tables(len(streams)), strict=True)):
            try:
                stream.accept(ids, told, self._kept.get(row, {}))
            except Exception as error:
                stream.fail(error)

    def _tables(self, rows: int) -> Iterator[tuple[list[Any], ...]]:
        """For each row the ids, and a list for each field of a token behind its id, all by step."""
        steps = len(self._picked)
        picked = Picked(*map(np.concatenate, zip(*self._picked, strict=True)))
        columns = (picked.ids, *describe(np.concatenate(self._logits), picked), np.concatenate(self._temperatures))
        tables = [column.reshape(steps, rows).T.tolist() for column in columns]
        if not self._bounds:
            return zip(*tables, [[None] * steps] * rows, strict=True)
        bounds = [[b if math.isfinite(b) else None for b in row] for row in zip(*self._bounds, strict=True)]
        return zip(*tables, bounds, strict=True)
