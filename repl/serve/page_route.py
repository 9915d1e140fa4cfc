"""The route ``GET /``: the page that plays the default model in a browser, as ``afterglow export --html`` writes it."""

from __future__ import annotations

import asyncio

from aiohttp import web

from ...core.render.model_page import model_page
from .service import SERVICE


class PageRoute:
    """Builds the page when it is first asked for, and keeps it."""

    def __init__(self) -> None:
        self._body = b""
        self._building = asyncio.Lock()

    async def show(self, request: web.Request) -> web.Response:
        """Answer with the page."""
        async with self._building:
            self._body = self._body or await self._build(request)
        return web.Response(body=self._body, content_type="text/html", charset="utf-8")

    async def _build(self, request: web.Request) -> bytes:
        service, loop = request.app[SERVICE], asyncio.get_running_loop()
        async with service.use() as used:
            return await loop.run_in_executor(service.readers, model_page, used.model.name, used.model.file)
