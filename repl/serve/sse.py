"""Server-sent events: one JSON object a line that begins with "data: "."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from types import TracebackType

from aiohttp import web

from .api_errors import dump_json, to_api_error

END_OF_STREAM = "[DONE]"
"""The data of the last event of a stream of OpenAI's."""

BLOCK_CHARS = 1 << 15
"""Characters of events that are sent together at most, but for one event that has more."""

SSE_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}
"""Headers of a stream. The last one keeps nginx from collecting it."""


class EventStream:
    """A response that is sent event by event. An error in its block becomes the last event.

    The response begins with the first event, so an error before it is answered with its own status. Sending waits while
    the client does not read.
    """

    def __init__(self, request: web.Request) -> None:
        self.response = web.StreamResponse(headers=SSE_HEADERS)
        self._request = request

    async def __aenter__(self) -> EventStream:
        return self

    async def send(self, events: Iterable[dict[str, object] | str]) -> None:
        """Send events: objects, or the text ``END_OF_STREAM``. They are made while others are sent."""
        if not self.response.prepared:
            await self.response.prepare(self._request)
        block, size = [], 0
        for event in events:
            block.append(f"data: {event if isinstance(event, str) else dump_json(event)}\n\n")
            size += len(block[-1])
            if size > BLOCK_CHARS:
                await self.response.write("".join(block).encode())
                await asyncio.sleep(0)  # other requests have their turn
                block, size = [], 0
        await self.response.write("".join(block).encode())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, TimeoutError) and self._request.transport:
            self._request.transport.abort()  # the client does not read, not even what is said last
        if not self.response.prepared or isinstance(error, ConnectionError | TimeoutError):
            return False
        if isinstance(error, Exception):
            await self.send([to_api_error(error).to_json()])
        if not error or isinstance(error, Exception):  # a client that is gone cancels
            await self.response.write_eof()
        return isinstance(error, Exception)
