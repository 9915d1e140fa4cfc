"""Records a text in a node of the passage, and how long the model took for it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

from ..events import Done, Event, Token
from ..generation.engine import Engine
from ..generation.stream import Stream
from ..generation.sweep import Column
from ..settings import Settings
from .node import Node

T = TypeVar("T")


@dataclass(slots=True)
class ModelTime:
    """Seconds that the model worked on a text, without the pauses of its reader.

    ``reading`` is the time until it could draw: for the seed, or for going back to a place of the text. ``drawing`` is
    that of all tokens, ``first_token`` that of the first.
    """

    reading: float = 0.0
    first_token: float = 0.0
    drawing: float = 0.0

    def measure_reading(self, chunks: Generator[float, None, T]) -> Generator[float, None, T]:
        """Yield what ``chunks`` yields, return what it returns, and add the seconds that it takes to ``reading``."""
        while True:
            began = perf_counter()
            try:
                share = next(chunks)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            finally:
                self.reading += perf_counter() - began
            yield share

    def describe(self, characters: int) -> str:
        """Return the time and the speed of a text, and when it began: "0.02 s · 24,800 characters/s · …"."""
        speed = f"{characters / self.drawing:,.0f} characters/s" if self.drawing else ""
        first = f"first token after {1000 * (self.reading + self.first_token):.3g} ms" if self.first_token else ""
        return " · ".join(filter(None, (f"{self.reading + self.drawing:.2g} s", speed, first)))


def record_events(
    engine: Engine, stream: Stream, node: Node, get_settings: Callable[[], Settings], time: ModelTime
) -> Iterator[Event]:
    """Yield the events of a stream and record them in a node.

    Each token is drawn with the settings that ``get_settings`` returns when it is requested. The node records them too.
    The seconds of drawing are added to ``time``. If the iterator is closed early, the tokens so far are kept.
    """
    current = None
    events = engine.iter_events(stream)
    while True:
        if (latest := get_settings()) is not current:
            current = stream.settings = latest
            node.record_filters(current.filters_only())
        began = perf_counter()
        event = next(events, None)
        time.drawing += perf_counter() - began
        if event is None:
            return
        if isinstance(event, Token):
            node.tokens.append(event)
            time.first_token = time.first_token or time.drawing
        elif isinstance(event, Done):
            node.tail = event.text
            node.reason = event.reason
        yield event


def node_of_column(parent: int, column: Column) -> Node:
    """Return a column of a sweep as a node that continues the seed ``parent``."""
    return Node(
        parent,
        tokens=column.tokens,
        tail=column.tail,
        reason=column.reason or "stopped",
        filters=[(0, column.stream.settings.filters_only())],
        start=column.start,
        snapshots=column.stream.snapshots,
    )
