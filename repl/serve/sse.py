"""Server-sent events: one JSON object a line that begins with "data: "."""

from __future__ import annotations

from types import TracebackType

from aiohttp import web

from .api_errors import dump_json, to_api_error

END_OF_STREAM = "[DONE]"
"""The data of the last event of a stream of OpenAI's."""

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

    async def send(self, *events: dict[str, object] | str) -> None:
        """Send events together: objects, or the text ``END_OF_STREAM``."""
        if not self.response.prepared:
            await self.response.prepare(self._request)
        lines = (event if isinstance(event, str) else dump_json(event) for event in events)
        await self.response.write("".join(f"data: {line}\n\n" for line in lines).encode())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not self.response.prepared or isinstance(error, ConnectionError):
            return False
        if isinstance(error, Exception):
            await self.send(to_api_error(error).to_json())
        if not error or isinstance(error, Exception):  # a client that is gone cancels
            await self.response.write_eof()
        return isinstance(error, Exception)
