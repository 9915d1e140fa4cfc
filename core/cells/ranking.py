"""Ranks the cells of an LSTM by how well they follow what a person can name in a text.

Passages from all over the text go in turn to two halves. On one half each thing gets the cell whose tanh(c) has the
largest correlation with it, and a threshold; on the other half the threshold is judged. Both use the passages in which
the thing varies most: quotation marks are judged where people talk. As many random projections of the same cells are
searched in the same way, since the best of hundreds follows anything to some degree: a cell that does no better than
the best projection is a chance find. After Karpathy, Johnson and Li 2015, "Visualizing and understanding recurrent
networks", section 4.2, where cells were found by eye.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..html_views import HtmlView
from ..progress import drain
from ..text.tokenizer import Ids
from .cell_search import CellSearch, Measured
from .features import FEATURES, Values
from .passages import MIN_CHARS, ReadPassage, choose_passages, open_passages
from .traces import Network, TraceBlock, trace
from .units import Unit, require_cells

MAX_PROJECTIONS = 4096
"""Most random projections, of a model with more cells."""

LONGEST_MEMORY = 1 - 1e-7
"""Largest mean of a forget gate: rounded to float32 it can be 1, as if nothing were ever forgotten."""


class CellFind(NamedTuple):
    """The cell that follows a thing best, and the random projection that does.

    ``base_rate``: the accuracy of the better constant answer, 0 to 1. ``half_life``: tokens after which the cell has
    forgotten half of its content.
    """

    follows: str
    unit: Unit
    half_life: float
    cell: Measured
    chance: Measured
    base_rate: float

    @property
    def is_chance(self) -> bool:
        """True if the projection does as well, on one of the halves."""
        return abs(self.cell.r) <= abs(self.chance.r) or abs(self.cell.r_judged) <= abs(self.chance.r_judged)

    @property
    def strength(self) -> float:
        """The smaller of the correlations on both halves, 0 to 1."""
        return min(abs(self.cell.r), abs(self.cell.r_judged))

    def to_dict(self) -> dict[str, object]:
        """Return the fields by name, ready for JSON."""
        parts = {"cell": self.cell._asdict(), "chance": self.chance._asdict(), "is_chance": self.is_chance}
        return {**self._asdict(), "unit": str(self.unit), **parts}


class SlowCell(NamedTuple):
    """A cell, and the tokens after which it has forgotten half: ln 0.5 / ln f, for its mean forget gate f."""

    unit: Unit
    half_life: float


@dataclass(frozen=True, slots=True)
class CellRanking(HtmlView):
    """The finds, best first and chance finds last, and the slowest cell of each layer.

    ``tokens`` were read; ``cells`` were searched, and so many ``projections``.
    """

    tokens: int
    cells: int
    projections: int
    finds: list[CellFind]
    slowest: list[SlowCell]

    def to_dict(self) -> dict[str, object]:
        """Return the fields by name, ready for JSON."""
        return {
            "tokens": self.tokens,
            "cells": self.cells,
            "projections": self.projections,
            "finds": [find.to_dict() for find in self.finds],
            "slowest": [{"unit": str(unit), "half_life": half_life} for unit, half_life in self.slowest],
        }


def rank_cells(network: Network, text: str) -> Generator[float, None, CellRanking]:
    """Rank the cells of a model on a text, and yield the share done, 0 to 1, while reading.

    Raises TextError if the text is too short, UsageError for a mixture.
    """
    require_cells(network.file)
    passages = open_passages(text, network.file.tokenizer, network.file.card.item_end)
    searches, reader = _open_searches(passages), _CellReader(network)
    for share in _search(searches, passages[::2], reader):
        yield share / 3
    chosen = [search.choose(reader.cells) for search in searches]
    for share in _judge(searches, passages, reader, chosen):
        yield (1 + 2 * share) / 3
    half_lives = reader.half_lives()
    finds = [
        CellFind(search.feature.name, reader.unit(cell), float(half_lives[cell]), *search.measure())
        for search, (cell, _) in zip(searches, chosen, strict=True)
    ]
    finds.sort(key=lambda find: (find.is_chance, -find.strength))
    tokens = sum(len(passage.ids) for passage in passages)
    return CellRanking(tokens, reader.cells, reader.projections.shape[1], finds, reader.slowest(half_lives))


def describe_best_cells(network: Network, text: str) -> str:
    """Return the three best finds for a model's card; "" if there are none, or ``text`` is too short to find any."""
    if len(text) < MIN_CHARS:
        return ""
    finds = [find for find in drain(rank_cells(network, text)).finds if not find.is_chance]
    return ", ".join(f"{str(find.unit).split()[-1]} {find.follows} (r {find.cell.r:.2f})" for find in finds[:3])


def _search(searches: list[CellSearch], passages: Sequence[ReadPassage], reader: _CellReader) -> Iterator[float]:
    """Give all cells and projections along the passages to the searches; yield the share done."""
    for done, passage in enumerate(passages, 1):
        columns = reader.read_columns(passage.ids)
        for search in searches:
            search.add(passage, columns)
        yield done / len(passages)


def _judge(
    searches: list[CellSearch], passages: Sequence[ReadPassage], reader: _CellReader, chosen: list[tuple[int, int]]
) -> Iterator[float]:
    """Give each search the cell and the projection that are chosen for it along the passages; yield the share done."""
    for done, passage in enumerate(passages, 1):
        cells = reader.read_cells(passage.ids)
        for search, (cell, projection) in zip(searches, chosen, strict=True):
            search.collect(passage, np.stack([cells[:, cell], cells @ reader.projections[:, projection]], axis=1))
        yield done / len(passages)


def _open_searches(passages: Sequence[ReadPassage]) -> list[CellSearch]:
    """Return a search for each feature that varies in both halves, and is not the same as one before it."""
    searches: list[CellSearch] = []
    for feature in FEATURES:
        halves = choose_passages(passages[::2], feature), choose_passages(passages[1::2], feature)
        others = (search.feature.name for search in searches)
        if all(halves) and not any(_are_equal(passages, feature.name, other) for other in others):
            searches.append(CellSearch(feature, halves))
    return searches


def _are_equal(passages: Sequence[ReadPassage], first: str, second: str) -> bool:
    return all(np.array_equal(passage.values[first], passage.values[second]) for passage in passages)


class _CellReader:
    """Reads passages, each from the zero state, and adds up the forget gates of those that cells are searched in."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._layers, self._width = network.file.architecture.layers, network.file.architecture.width
        self.cells = self._layers * self._width
        shape = self.cells, min(self.cells, MAX_PROJECTIONS)
        self.projections = np.random.default_rng(0).standard_normal(shape, np.float32)
        """The weights of the cells in each random projection, (cells, projections)."""
        self._forget, self._tokens = np.zeros(self.cells), 0

    def read_columns(self, ids: Ids) -> Values:
        """Return tanh(c) of all cells, and the projections of it, (t, cells + projections)."""
        blocks = list(trace(self._network, ids))
        for block in blocks:
            self._forget += np.concatenate([layer.f.sum(axis=0, dtype=np.float64) for layer in block.layers])
        self._tokens += len(ids)
        cells = _join_cells(blocks)
        return np.concatenate([cells, cells @ self.projections], axis=1)

    def read_cells(self, ids: Ids) -> Values:
        """Return tanh(c) of all cells, layer after layer, (t, cells)."""
        return _join_cells(trace(self._network, ids))

    def half_lives(self) -> NDArray[np.float64]:
        """Return the tokens after which each cell has forgotten half, (cells,)."""
        return math.log(0.5) / np.log(np.clip(self._forget / self._tokens, 1e-9, LONGEST_MEMORY))

    def unit(self, cell: int) -> Unit:
        """Return the cell with a number."""
        return Unit("cell", cell // self._width + 1, cell % self._width)

    def slowest(self, half_lives: NDArray[np.float64]) -> list[SlowCell]:
        """Return the slowest cell of each layer."""
        slowest = np.argmax(half_lives.reshape(self._layers, self._width), axis=1)
        numbers = [layer * self._width + index for layer, index in enumerate(slowest.tolist())]
        return [SlowCell(self.unit(number), float(half_lives[number])) for number in numbers]


def _join_cells(blocks: Iterable[TraceBlock]) -> Values:
    return np.concatenate([np.tanh(np.concatenate([layer.c for layer in block.layers], axis=1)) for block in blocks])
