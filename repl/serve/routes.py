"""The server: its routes, and how it starts and ends."""

from __future__ import annotations

import sys
import time

from aiohttp import web
from yarl import URL

from ...core.command_line import echo
from ...core.errors import UsageError
from ..addresses import is_loopback, require_free
from .api_errors import answer_errors
from .api_keys import KEYS_HELP, NO_KEYS, ApiKeys, keys_from_environment
from .chats import create_chat_completion
from .completions import create_completion
from .guard import Guard
from .llama_routes import create_llama_completion, detokenize, show_props, tokenize
from .operations import OPERATION_ROUTES
from .origins import OWN_PAGES, Origins
from .page_route import PageRoute
from .places import GRACE_SECONDS
from .service import SERVICE, CompletionService

SERVER_STARTED = int(time.time())
"""Time at which the process started, which stands for the models' own in lists of them."""

SWITCH_SECONDS = 0.0005
"""Seconds after which an engine's thread lets the event loop run. Each send waits as long. Python's own are 0.005."""

DRAIN_SECONDS = 5.0
"""Seconds in which texts that are being written may end after a signal."""


def make_app(service: CompletionService, origins: Origins = OWN_PAGES, keys: ApiKeys = NO_KEYS) -> web.Application:
    """Return the application, for programs with one of the ``keys`` and pages of ``origins``."""
    guard = Guard(origins, keys, service.metrics)
    app = web.Application(
        middlewares=[guard.count, answer_errors, guard.check], client_max_size=service.limits.body_bytes
    )
    app[SERVICE] = service
    app.add_routes(
        [
            web.get("/", PageRoute().show),
            web.get("/v1/models", list_models),
            web.get("/v1/models/{name}", show_model),
            web.post("/v1/completions", create_completion),
            web.post("/v1/chat/completions", create_chat_completion),
            web.get("/props", show_props),
            web.post("/completion", create_llama_completion),
            web.post("/tokenize", tokenize),
            web.post("/detokenize", detokenize),
        ]
    )
    app.add_routes(OPERATION_ROUTES)
    app.on_response_prepare.append(guard.add_headers)
    app.on_shutdown.append(_end_texts)
    app.on_cleanup.append(_close_service)
    return app


async def show_model(request: web.Request) -> web.Response:
    """Answer with one model."""
    return web.json_response(model_entry(request.app[SERVICE].require_known(request.match_info["name"])))


async def list_models(request: web.Request) -> web.Response:
    """Answer with the models by name."""
    names = request.app[SERVICE].names()
    return web.json_response({"object": "list", "data": [model_entry(name) for name in names]})


def model_entry(name: str) -> dict[str, object]:
    """Return a model as OpenAI's lists have it."""
    return {"id": name, "object": "model", "created": SERVER_STARTED, "owned_by": "afterglow"}


async def _end_texts(app: web.Application) -> None:
    app[SERVICE].places.close(DRAIN_SECONDS)


async def _close_service(app: web.Application) -> None:
    await app[SERVICE].close()


def run(service: CompletionService, host: str, port: int, origins: Origins = OWN_PAGES) -> None:
    """Serve until Ctrl-C or SIGTERM. A client that goes away ends its request at once.

    Raises UsageError if the address is taken, or if other machines can reach it and there are no keys.
    """
    keys = keys_from_environment()
    if not keys and not is_loopback(host):
        raise UsageError(f"with --host {host} other machines reach the server, so it needs a key: {KEYS_HELP}")
    require_free(host, port)
    sys.setswitchinterval(SWITCH_SECONDS)
    app = make_app(service, origins, keys)
    url = URL.build(scheme="http", host=host, port=port)

    async def print_address(_: web.Application) -> None:
        echo(f"afterglow serves {url}/v1 (stop it with Ctrl-C)", whole=True)

    app.on_startup.append(print_address)
    web.run_app(
        app,
        host=host,
        port=port,
        shutdown_timeout=DRAIN_SECONDS + 2 * GRACE_SECONDS,
        handler_cancellation=True,
        access_log=None,  # requests are not logged: they have texts in them
        print=None,
    )
