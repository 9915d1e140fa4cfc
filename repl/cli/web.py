"""Serve the full screen to browsers with textual-serve. Each visitor gets a separate process."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Sequence

from aiohttp import web
from textual_serve.server import Server
from yarl import URL

from ...core.errors import UsageError, error_text

WILDCARD_HOSTS = ("0.0.0.0", "::")  # noqa: S104
"""Hosts that stand for every address of this machine."""

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")
"""Hosts that only this machine can reach."""

PUBLIC_HOST_WARNING = (
    "warning: other machines can reach {host}, and there is no password: anyone who opens the page can type as you, and"
    " read and write your files with /export, /save and /open. Use it only among people you would lend your keyboard"
    " to, or leave out --host and connect with ssh -L {port}:127.0.0.1:{port}"
)


class PrivateServer(Server):
    """A server that accepts connections from its own page only, not from other sites open in the same browser."""

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Accept a connection. Raise HTTPForbidden if another site opened it."""
        if _origin(request.headers.get("Origin", "")) not in self._allowed_origins():
            raise web.HTTPForbidden(text="this connection does not come from afterglow's own page")
        return await super().handle_websocket(request)

    async def on_startup(self, app: web.Application) -> None:  # noqa: ARG002
        """Print the address."""
        print(f"afterglow in the browser: {self.public_url} (stop it with Ctrl-C)", flush=True)

    def initialize_logging(self) -> None:
        """Log nothing: errors in a session are in afterglow's own log."""

    def _allowed_origins(self) -> set[str]:
        names = ("127.0.0.1", "localhost", "[::1]")
        return {_origin(self.public_url), *(_origin(f"http://{name}:{self.port}") for name in names)} - {""}


def _origin(address: str) -> str:
    """Return scheme, host and port as browsers write them: lower case, without a default port. "" if not a URL."""
    try:
        return str(URL(address).origin())
    except ValueError:
        return ""


def serve(host: str, port: int, public_url: str | None, arguments: Sequence[str]) -> None:
    """Serve ``afterglow ARGUMENTS`` on ``host`` and ``port`` until Ctrl-C.

    ``public_url`` is the URL that visitors open, None if it is http://HOST:PORT. Raise UsageError if one of the three
    cannot be used.
    """
    if host in WILDCARD_HOSTS and not public_url:
        raise UsageError(f"with --host {host} also give the address people will open: --public-url http://…")
    if public_url and not _origin(public_url):
        raise UsageError(f"{public_url!r} is not a URL; write it as browsers do: https://glow.example")
    _check_free(host, port)
    if host not in LOOPBACK_HOSTS:
        print(f"afterglow: {PUBLIC_HOST_WARNING.format(host=host, port=port)}", file=sys.stderr, flush=True)
    words = [sys.executable, "-m", "afterglow.repl", *arguments]
    command = subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
    url_host = f"[{host}]" if ":" in host else host
    PrivateServer(command, host, port, "afterglow", public_url or f"http://{url_host}:{port}").serve()


def _check_free(host: str, port: int) -> None:
    """Raise UsageError if the address is taken. Otherwise the server would print its URL before it fails."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        why = error_text(error).partition(" (")[0]  # Python repeats the address in parentheses
        raise UsageError(f"cannot listen on {host}, port {port}: {why}; try another --host or --port") from None
