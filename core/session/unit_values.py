"""The values of a unit of the network at the tokens of a text, computed as they are asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import pairwise
from operator import itemgetter

import numpy as np

from ..cells.gates import Floats
from ..cells.traces import UnitReader
from ..cells.units import Unit
from ..generation.snapshot import Snapshot
from ..generation.stream import SNAPSHOT_INTERVAL
from ..generation.sweep import Column
from ..model import Model
from ..setting_heat import heat_unit
from ..text.tokenizer import Ids
from .node import Node
from .recording import node_of_column
from .replay import read_start, snapshot_within
from .session import Session

_NOT_READ = np.empty(0, np.float32)


class NodeValues:
    """The values of a unit at the tokens of a node, which continue the snapshot ``start``.

    They are computed for 128 tokens when one of these is asked for, so that the end of a long text does not wait for
    its beginning. Of a node that grows only the new tokens are read.
    """

    def __init__(self, model: Model, unit: Unit, node: Node, start: Snapshot) -> None:
        self._model = model
        self._reader = UnitReader(model, unit)
        self._node = node
        self._start = start
        self._parts: dict[int, Floats] = {}
        self._next = -1  # the token that is the next one for ``_follow``
        self._follow: Callable[[Ids], Floats] = self._reader.follow(start)

    def at(self, index: int) -> float:
        """Return the value after the token at ``index`` of the node."""
        part, place = divmod(index, SNAPSHOT_INTERVAL)
        known = self._parts.get(part, _NOT_READ)
        if place >= len(known):
            first = part * SNAPSHOT_INTERVAL
            end = min(first + SNAPSHOT_INTERVAL, len(self._node.tokens))
            self._parts[part] = np.concatenate([known, *self._read(first + len(known), end)])
        return float(self._parts[part][place])

    def _read(self, begin: int, end: int) -> Iterator[Floats]:
        """Yield the values of tokens ``begin`` to ``end``, each from the state that drew it."""
        for first, stop in pairwise([*self._node.voice_starts(begin, end), end]):
            if self._model.voices.fit_voice(self._node.voice_at(first)).moves:
                yield from self._read_ramp(first, stop)
                continue
            if first != self._next or self._node.begins_voice(first):
                before = snapshot_within(self._model, self._node, self._start, first)
                self._follow = self._reader.follow(read_start(self._model, before, self._node, first))
            self._next = stop
            yield self._follow(_ids(self._node, first, stop))

    def _read_ramp(self, first: int, stop: int) -> Iterator[Floats]:
        """Yield the values of tokens that were drawn while the style moved, each under the style of its place."""
        before = snapshot_within(self._model, self._node, self._start, first)
        for index in range(first, stop):
            start, ids = read_start(self._model, before, self._node, index), _ids(self._node, index, index + 1)
            yield self._reader.values(start, ids)
            before = self._model.advance(start, ids)


def _ids(node: Node, first: int, stop: int) -> Ids:
    return np.array([token.id for token in node.tokens[first:stop]], np.int64)


class TextValues:
    """The values of the unit that a session's ``heat`` names at the tokens of one node, which continue ``start``."""

    def __init__(self, session: Session, node: Node, start: Snapshot) -> None:
        self._session = session
        self._text = session.model, node, start
        self._unit: Unit | None = None
        self._values: NodeValues | None = None

    def at(self, index: int) -> float | None:
        """Return the value after the token at ``index`` of the node. None if there is none, or no unit is shown."""
        unit = heat_unit(self._session.settings.heat)
        model, node, start = self._text
        if unit is None or index >= len(node.tokens):
            return None
        if self._values is None or unit != self._unit:
            self._unit, self._values = unit, NodeValues(model, unit, node, start)
        return self._values.at(index)


def column_values(session: Session, column: Column) -> TextValues:
    """Return the values for a column of a sweep."""
    return TextValues(session, node_of_column(0, column), column.start)


def node_values(session: Session, number: int) -> TextValues:
    """Return the values for a node of the passage."""
    return TextValues(session, session.passage.nodes[number], session.snapshot_at(number, 0))


class PassageValues:
    """The values of the unit that a session's ``heat`` names at the tokens of its passage.

    Those that were asked for are kept until another unit, model or passage is shown.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._passage, self._model = session.passage, session.model
        self._texts: dict[int, TextValues] = {}
        self._path: list[tuple[int, int]] = []
        self._place: tuple[int | None, int] = (None, 0)

    def at(self, index: int) -> float | None:
        """Return the value after the token at ``index`` of the text. None if there is none, or no unit is shown."""
        self._follow_session()
        before = bisect_right(self._path, index, key=itemgetter(0)) - 1
        if before < 0:
            return None
        first, number = self._path[before]
        return self._text(number).at(index - first)

    def all(self) -> list[float]:
        """Return the values after all tokens of the text; [] if no unit is shown."""
        found = map(self.at, range(self._session.passage.token_count()))
        return [value for value in found if value is not None]

    def _follow_session(self) -> None:
        """Forget another passage and model, and find the nodes of the text again if it is another text."""
        passage, model = self._session.passage, self._session.model
        if passage is not self._passage or model is not self._model:
            self._passage, self._model = passage, model
            self._texts.clear()
            self._path, self._place = [], (None, 0)
        place = (passage.cursor, len(passage.nodes))
        if place != self._place:
            self._path, self._place = list(passage.token_starts()), place

    def _text(self, number: int) -> TextValues:
        if number not in self._texts:
            self._texts[number] = node_values(self._session, number)
        return self._texts[number]
