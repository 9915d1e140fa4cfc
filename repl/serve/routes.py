"""The server: its routes, and how it starts and ends."""

from __future__ import annotations

import time
from collections.abc import Sequence

from aiohttp import web
from aiohttp.typedefs import Middleware
from yarl import URL

from ...core.command_line import echo
from .api_errors import answer_errors
from .completions import create_completion
from .service import SERVICE, CompletionService

SERVER_STARTED = int(time.time())
"""Time at which the process started, which stands for the models' own in lists of them."""

DRAIN_SECONDS = 5.0
"""Seconds in which texts that are being written may end after a signal."""


def make_app(service: CompletionService, bounds: Sequence[Middleware] = ()) -> web.Application:
    """Return the application. ``bounds`` see each request before its route, and may refuse it with an ApiError."""
    app = web.Application(middlewares=[answer_errors, *bounds])
    app[SERVICE] = service
    app.add_routes([web.get("/v1/models", list_models), web.post("/v1/completions", create_completion)])
    app.on_cleanup.append(_close_service)
    return app


async def list_models(request: web.Request) -> web.Response:
    """Answer with the models by name."""
    names = request.app[SERVICE].names()
    return web.json_response({"object": "list", "data": [model_entry(name) for name in names]})


def model_entry(name: str) -> dict[str, object]:
    """Return a model as OpenAI's lists have it."""
    return {"id": name, "object": "model", "created": SERVER_STARTED, "owned_by": "afterglow"}


async def _close_service(app: web.Application) -> None:
    await app[SERVICE].close()


def run(service: CompletionService, host: str, port: int, bounds: Sequence[Middleware] = ()) -> None:
    """Serve until Ctrl-C or SIGTERM. A client that goes away ends its request at once."""
    app = make_app(service, bounds)
    url = URL.build(scheme="http", host=host, port=port)

    async def print_address(_: web.Application) -> None:
        echo(f"afterglow serves {url}/v1 (stop it with Ctrl-C)", whole=True)

    app.on_startup.append(print_address)
    web.run_app(
        app,
        host=host,
        port=port,
        shutdown_timeout=DRAIN_SECONDS,
        handler_cancellation=True,
        access_log=None,  # requests are not logged: they have texts in them
        print=None,
    )
