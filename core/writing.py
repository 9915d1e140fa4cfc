"""A text as it is written into a node of a passage."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .engine import Engine
from .events import Done, Event, Token
from .passage import Node
from .settings import Settings
from .stream import Stream


def written(engine: Engine, stream: Stream, node: Node, settings: Callable[[], Settings]) -> Iterator[Event]:
    """The events of a stream, which fill a node as they go by. Each token is drawn with what ``settings`` gives when it
    is asked for, and the node keeps which filters drew it. Leaving early keeps what was written.
    """
    now, events = None, engine.play(stream)
    while True:
        if (latest := settings()) is not now:
            now = stream.settings = latest
            node.filter(now.filters())
        event = next(events, None)
        if event is None:
            return
        if isinstance(event, Token):
            node.tokens.append(event)
        elif isinstance(event, Done):
            node.tail, node.reason = event.text, event.reason
        yield event
