"""Records the events of a stream in a node of the passage."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..events import Done, Event, Token
from ..generation.engine import Engine
from ..generation.stream import Stream
from ..settings import Settings
from .node import Node


def record_events(engine: Engine, stream: Stream, node: Node, get_settings: Callable[[], Settings]) -> Iterator[Event]:
    """Yield the events of a stream and record them in a node.

    Each token is drawn with the settings that ``get_settings`` returns when it is requested. The node records them too.
    If the iterator is closed early, the tokens so far are kept.
    """
    current = None
    events = engine.iter_events(stream)
    while True:
        if (latest := get_settings()) is not current:
            current = stream.settings = latest
            node.record_filters(current.filters_only())
        event = next(events, None)
        if event is None:
            return
        if isinstance(event, Token):
            node.tokens.append(event)
        elif isinstance(event, Done):
            node.tail = event.text
            node.reason = event.reason
        yield event
