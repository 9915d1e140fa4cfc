"""The events of a worker's streams, for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from functools import partial

from ..events import Event
from .stream import Stream
from .worker import Worker


async def aiter_events(worker: Worker, stream: Stream) -> AsyncIterator[Event]:
    """Yield the events of a worker's stream as they come. Leaving the loop or a cancellation stops the stream.

    Raises the exception that ended the stream, if any.
    """
    async with aclosing(aiter_bursts(worker, [stream])) as bursts:
        async for burst in bursts:
            for _, event in burst:
                yield event


async def aiter_bursts(worker: Worker, streams: Sequence[Stream]) -> AsyncGenerator[list[tuple[int, Event]]]:
    """Yield the events of a worker's streams, all that wait at a time, each with the number of its stream.

    Those of one stream are in order. Leaving the loop or a cancellation stops all streams. Raises the exception that
    ended a stream, if any.
    """
    loop, ready, waiting = asyncio.get_running_loop(), asyncio.Event(), set[int]()

    def wake(number: int) -> None:
        waiting.discard(number)
        ready.set()

    try:
        while any(stream.events or not stream.finished for stream in streams):
            if burst := list(_take_events(streams)):
                yield burst
            for number in _find_drained(streams) - waiting:
                waiting.add(number)
                worker.notify_when_ready(streams[number], partial(loop.call_soon_threadsafe, wake, number))
            if not any(stream.events for stream in streams) and waiting:
                await ready.wait()
            ready.clear()
            _raise_error(streams)
    finally:
        for stream in streams:
            worker.stop(stream)
    _raise_error(streams)


def _take_events(streams: Sequence[Stream]) -> Iterator[tuple[int, Event]]:
    for number, stream in enumerate(streams):
        for _ in range(len(stream.events)):
            yield number, stream.events.popleft()


def _find_drained(streams: Sequence[Stream]) -> set[int]:
    """Return the numbers of the streams that have not ended and whose events are all taken."""
    return {number for number, stream in enumerate(streams) if not stream.events and not stream.finished}


def _raise_error(streams: Sequence[Stream]) -> None:
    """Raise the exception that ended a stream, once its events are taken."""
    for stream in streams:
        if stream.error and not stream.events:
            raise stream.error
