"""The events of a worker's stream, for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from ..events import Event
from .stream import Stream
from .worker import Worker


async def aiter_events(worker: Worker, stream: Stream) -> AsyncIterator[Event]:
    """Yield the events of a worker's stream as they come. Leaving the loop or a cancellation stops the stream.

    Raises the exception that ended the stream, if any.
    """
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        while stream.events or not stream.finished:
            if not stream.events:
                ready.clear()
                worker.notify_when_ready(stream, partial(loop.call_soon_threadsafe, ready.set))
                await ready.wait()
            while stream.events:
                yield stream.events.popleft()
    finally:
        worker.stop(stream)
    if stream.error:
        raise stream.error
