"""Serve the full screen to browsers with textual-serve. Each visitor gets a process and a data folder of their own."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from aiohttp import web
from textual_serve.server import Server
from yarl import URL

from ...core.command_line import echo, echo_notice
from ...core.errors import AfterglowError, UsageError
from ...core.inference.library import ModelEntry
from ..addresses import WILDCARD_HOSTS, is_loopback, read_origin, require_free
from .visitor import INPUT_BURST, SessionEndedError, Visitor, close_websocket, terminal_size
from .visitor_home import make_home, remove_home

SHARED_WARNING = (
    "warning: with --share everyone who knows the address can read your texts, and write files with /export. Give it"
    " only to people you would lend your keyboard to"
)

SHUTDOWN_SECONDS = 2.0
"""Seconds in which all sessions end after Ctrl-C."""

HEARTBEAT = 15.0
"""Seconds after which a silent connection is asked if it is still there."""

_OWN = Path(str(files("afterglow.repl.web"))) / "static"
_TEXTUAL = Path(str(files("textual_serve"))) / "static"

STATIC_FILES = {
    **{name: _OWN / name for name in ("page.css", "page.js")},
    "xterm.css": _TEXTUAL / "css" / "xterm.css",
    "textual.js": _TEXTUAL / "js" / "textual.js",
    "mono.ttf": _TEXTUAL / "fonts" / "RobotoMono-VariableFont_wght.ttf",
    "mono-italic.ttf": _TEXTUAL / "fonts" / "RobotoMono-Italic-VariableFont_wght.ttf",
}
"""The files that the page loads, by name. Nothing else is served."""

HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self';"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Headers of every answer: no frames, nothing from other hosts. xterm.js writes its colors into style elements."""


@dataclass(frozen=True, slots=True)
class WebOptions:
    """The options of ``afterglow web``.

    ``public_url`` is the URL that visitors open, None if it is http://HOST:PORT. With ``share`` every visitor is the
    host: they have the host's archive and files.
    """

    host: str
    port: int
    public_url: str | None = None
    visitors: int = 8
    idle_minutes: float = 30
    share: bool = False

    @property
    def url(self) -> str:
        """The URL that visitors open, without the word."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def is_local(self) -> bool:
        """True if only this machine can reach it."""
        return is_loopback(self.host) and is_loopback(URL(self.url).host or "")


class VisitorServer(Server):
    """Serves the page, and a process to each visitor.

    ``word`` is part of all addresses, "" if there is none. ``words`` is the command line that a process runs. Links to
    ``models`` are in each visitor's folder.
    """

    def __init__(self, options: WebOptions, words: Sequence[str], models: Sequence[ModelEntry], word: str = "") -> None:
        super().__init__("", options.host, options.port, "afterglow", options.url)
        self._options = options
        self._words = words
        self._models = models
        self._word = word
        self._visitors: set[Visitor] = set()

    @property
    def address(self) -> str:
        """The address to open, and to give to others."""
        return f"{self.public_url}/{self._word}/" if self._word else self.public_url

    async def _make_app(self) -> web.Application:
        base = "/{word}" if self._word else ""
        app = web.Application(middlewares=[self._check_word])
        app.add_routes(
            [
                web.get(f"{base}/", self.show_page),
                web.get(f"{base}/ws", self.handle_websocket),
                web.get(f"{base}/static/{{name}}", self.send_static_file),
                web.get(f"{base}/download/{{key}}", self.handle_download),
            ]
        )
        if self._word:
            app.router.add_get("/{word}", self.add_slash)
        app.on_response_prepare.append(self._add_headers)
        app.on_startup.append(self.on_startup)
        app.on_shutdown.append(self.on_shutdown)
        return app

    def run(self) -> None:
        """Serve until Ctrl-C."""
        web.run_app(
            self._make_app(),
            host=self.host,
            port=self.port,
            shutdown_timeout=SHUTDOWN_SECONDS,
            access_log=None,  # it would have the word in it
            print=None,
        )

    @web.middleware
    async def _check_word(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        given = request.match_info.get("word", "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self._word.encode()):
            raise web.HTTPNotFound(text="The address is not complete. Ask the person who sent it for all of it.\n")
        return await handler(request)

    async def _add_headers(self, _: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(HEADERS)

    async def add_slash(self, _: web.Request) -> web.StreamResponse:
        """Redirect to the page. The addresses in it are relative to its own."""
        raise web.HTTPFound(f"{self._word}/")

    async def show_page(self, _: web.Request) -> web.StreamResponse:
        """Return the page, or say that all places are taken."""
        if self._is_full():
            return web.Response(status=503, text=f"{self._full_text()}\n", headers={"Retry-After": "60"})
        return web.FileResponse(_OWN / "page.html")

    async def send_static_file(self, request: web.Request) -> web.StreamResponse:
        """Return one of the files that the page loads. Raise HTTPNotFound for anything else."""
        path = STATIC_FILES.get(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound
        return web.FileResponse(path)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Serve a visitor until they leave. Raise HTTPForbidden if another site opened the connection."""
        if read_origin(request.headers.get("Origin", "")) not in self._allowed_origins():
            raise web.HTTPForbidden(text="this connection does not come from afterglow's own page\n")
        websocket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=4 * INPUT_BURST)
        await websocket.prepare(request)
        try:
            if self._is_full():
                raise SessionEndedError(self._full_text())
            await self._serve_visitor(websocket, requested_size(request))
        except SessionEndedError as error:
            await close_websocket(websocket, str(error))
        except (AfterglowError, OSError) as error:  # no room for its folder, no more processes
            echo_notice(f"a session could not go on: {error}")
            await close_websocket(websocket, "it could not go on; the log of the server tells why")
        finally:
            if request.transport:
                request.transport.abort()  # the other side may never read the rest
        return websocket

    async def _serve_visitor(self, websocket: web.WebSocketResponse, size: tuple[int, int]) -> None:
        home = None if self._options.share else make_home(self._models)
        visitor = Visitor(self._words, home, websocket, self.download_manager)
        self._visitors.add(visitor)
        try:
            await visitor.serve(size, self._options.idle_minutes * 60)
        finally:
            self._visitors.discard(visitor)
            if home:
                await asyncio.to_thread(remove_home, home)

    async def on_startup(self, app: web.Application) -> None:  # noqa: ARG002
        """Print the address."""
        echo(f"afterglow in the browser: {self.address} (stop it with Ctrl-C)", whole=True)

    async def on_shutdown(self, app: web.Application) -> None:  # noqa: ARG002
        """Close all connections. Each session then ends its process."""
        await asyncio.gather(*(close_websocket(each.websocket, "the server was stopped") for each in self._visitors))

    def _is_full(self) -> bool:
        return len(self._visitors) >= self._options.visitors

    def _full_text(self) -> str:
        return f"All {self._options.visitors} places are taken. Reload this page in a few minutes to try again."

    def _allowed_origins(self) -> set[str]:
        names = ("127.0.0.1", "localhost", "[::1]")
        return {read_origin(self.public_url), *(read_origin(f"http://{name}:{self.port}") for name in names)} - {""}


def requested_size(request: web.Request) -> tuple[int, int]:
    """Return the size that a page asks for, 80 × 24 if it does not. Raise SessionEndedError if it is no size."""
    texts = (request.query.get("width", "80"), request.query.get("height", "24"))
    return terminal_size(
        *(int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else text for text in texts)
    )


def serve(options: WebOptions, arguments: Sequence[str], models: Sequence[ModelEntry]) -> None:
    """Serve ``afterglow ARGUMENTS`` until Ctrl-C. Raise UsageError if host, port or URL cannot be used."""
    if options.host in WILDCARD_HOSTS and not options.public_url:
        raise UsageError(f"with --host {options.host} also give the address people will open: --public-url http://…")
    if options.public_url and not read_origin(options.public_url):
        raise UsageError(f"{options.public_url!r} is not a URL; write it as browsers do: https://glow.example")
    require_free(options.host, options.port)
    if options.share and not options.is_local:
        echo_notice(SHARED_WARNING)
    word = "" if options.is_local else secrets.token_urlsafe(16)
    VisitorServer(options, [sys.executable, "-m", "afterglow.repl", *arguments], models, word).run()
