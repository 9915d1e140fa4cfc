"""``afterglow web``: the full screen in a browser, through textual-serve; each visitor gets a process of its own."""

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
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")

PUBLIC_HOST_WARNING = (
    "warning: {host} can be reached from other machines, and nobody is asked for a password: whoever opens the page"
    " types as you, and /export, /save and /open read and write your files. Use it only among people whom you would"
    " lend your keyboard, or leave --host out and come in through ssh -L {port}:127.0.0.1:{port}"
)


class PrivateServer(Server):
    """Takes orders from its own page only: another site that is open in the same browser may not drive it."""

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Let the page's own connection in; raises HTTPForbidden for one from elsewhere."""
        if _origin(request.headers.get("Origin", "")) not in self._allowed_origins():
            raise web.HTTPForbidden(text="this connection does not come from afterglow's own page")
        return await super().handle_websocket(request)

    async def on_startup(self, app: web.Application) -> None:  # noqa: ARG002
        """Say where it is."""
        print(f"afterglow in the browser: {self.public_url} (Ctrl-C ends it)", flush=True)

    def initialize_logging(self) -> None:
        """Stay quiet: what goes wrong in a session is in afterglow's own log."""

    def _allowed_origins(self) -> set[str]:
        names = ("127.0.0.1", "localhost", "[::1]")
        return {_origin(self.public_url), *(_origin(f"http://{name}:{self.port}") for name in names)} - {""}


def _origin(address: str) -> str:
    """Scheme, host and port as browsers write them: in lower case, without a port that goes without saying; "" where
    it has none.
    """
    try:
        return str(URL(address).origin())
    except ValueError:
        return ""


def serve(host: str, port: int, public_url: str | None, arguments: Sequence[str]) -> None:
    """Serve ``afterglow ARGUMENTS`` until Ctrl-C. Raises UsageError where the address cannot be listened on."""
    if host in WILDCARD_HOSTS and not public_url:
        raise UsageError(f"{host} is every address of this machine: name the one that is opened, --public-url http://…")
    if public_url and not _origin(public_url):
        raise UsageError(f"{public_url!r} is no address; write it as browsers do: https://glow.example")
    _require_free(host, port)
    if host not in LOOPBACK_HOSTS:
        print(f"afterglow: {PUBLIC_HOST_WARNING.format(host=host, port=port)}", file=sys.stderr, flush=True)
    words = [sys.executable, "-m", "afterglow.repl", *arguments]
    command = subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
    shown = f"[{host}]" if ":" in host else host
    PrivateServer(command, host, port, "afterglow", public_url or f"http://{shown}:{port}").serve()


def _require_free(host: str, port: int) -> None:
    """Try the address out: the server itself would say that it serves, and then that it cannot."""
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        why = error_text(error).partition(" (")[0]  # Python adds the address that is named already
        raise UsageError(f"cannot listen on {host}, port {port}: {why}; try another --host or --port") from None
