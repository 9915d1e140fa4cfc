"""Servers for the tests of ``afterglow web``, as processes of their own or in this one, and clients for them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from afterglow.core.inference.library import find_model
from afterglow.repl.web.server import VisitorServer, WebOptions
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, web

TINY = str(Path(__file__).parent / "data" / "tiny-char.safetensors")
CONTROLS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def until(condition: Callable[[], object], seconds: float = 40) -> None:
    """Wait for something to become so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def children_of(pid: int) -> list[int]:
    """The processes that a process has started."""
    listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)  # noqa: S607
    rows = [line.split() for line in listing.stdout.splitlines()]
    return [int(child) for child, parent in rows if int(parent) == pid]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@dataclass
class Served:
    """A server that runs, and, when it has ended, what it said and how it ended."""

    address: str
    port: int
    process: subprocess.Popen[str]
    errors: str = ""
    code: int | None = None

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it. Fails if it does not end."""
        self.process.send_signal(how)
        _, self.errors = self.process.communicate(timeout=20)
        self.code = self.process.returncode


@contextmanager
def served(*arguments: str) -> Iterator[Served]:
    """``afterglow web`` on a free port, at the address that it prints."""
    port = free_port()
    command = [sys.executable, "-m", "afterglow.repl", "web", "-m", TINY, "--port", str(port), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:  # noqa: S603
        assert child.stdout
        said = child.stdout.readline()
        server = Served(said.removeprefix("afterglow in the browser: ").partition(" ")[0].rstrip("/"), port, child)
        try:
            until(lambda: answers(port))
            yield server
        finally:
            if server.code is None:
                server.stop()


def answers(port: int) -> bool:
    """True if there is a server on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Tab:
    """An open connection, and what has been drawn on its screen and told to the page so far."""

    socket: ClientWebSocketResponse
    drawn: str = ""
    told: list[object] = field(default_factory=list)
    reason: str = ""
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> None:
        while (message := await self.socket.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSED):
            if message.type is WSMsgType.BINARY:
                self.drawn += message.data.decode("utf-8", "replace")
            else:
                self.told.append(json.loads(message.data))
        self.reason = message.extra or ""
        self.closed.set()

    async def send(self, kind: str, *data: object) -> None:
        await self.socket.send_str(json.dumps([kind, *data]))

    async def type(self, line: str) -> None:
        """Type a line, and Enter."""
        await self.send("stdin", f"{line}\r")

    async def shows(self, text: str) -> None:
        """Wait until a text has been drawn."""
        await eventually(lambda: text in self.text())

    def text(self) -> str:
        return CONTROLS.sub("", self.drawn)

    async def end(self) -> str:
        """Wait until the server closes the connection, and return its reason."""
        await asyncio.wait_for(self.closed.wait(), 40)
        return self.reason


async def eventually(condition: Callable[[], object], seconds: float = 40) -> None:
    """Wait for something to become so, while other tasks run."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.05)


class Site:
    """A server in this process, and tabs that are open there."""

    def __init__(self, options: WebOptions, client: ClientSession, word: str) -> None:
        model = find_model(TINY)
        words = [sys.executable, "-m", "afterglow.repl", "--model", TINY if options.share else model.name]
        self.server = VisitorServer(
            options, [*words, "--rng=7", "--length=40", "--finish=off", "--speed=max"], [model], word
        )
        self.client = client
        self.address = self.server.address.rstrip("/")

    @asynccontextmanager
    async def tab(self, query: str = "", ready: bool = True) -> AsyncIterator[Tab]:
        """A tab, when its screen has been drawn."""
        headers = {"Origin": self.address}
        async with self.client.ws_connect(f"{self.address}/ws{query}", headers=headers, max_msg_size=0) as socket:
            tab = Tab(socket)
            reading = asyncio.create_task(tab.read())
            try:
                if ready:
                    await tab.shows("is ready")
                yield tab
            finally:
                reading.cancel()

    def processes(self) -> list[int]:
        """The processes of the visitors."""
        return [each._process.pid for each in self.server._visitors if each._process]


@asynccontextmanager
async def site(word: str = "", **options: object) -> AsyncIterator[Site]:
    """A server in this process on a free port. All sessions end with it."""
    chosen = replace(WebOptions("127.0.0.1", free_port()), **options)  # type: ignore[arg-type]
    async with ClientSession() as client:
        made = Site(chosen, client, word)
        runner = web.AppRunner(await made.server._make_app(), shutdown_timeout=5)
        await runner.setup()
        await web.TCPSite(runner, chosen.host, chosen.port).start()
        try:
            yield made
        finally:
            await runner.cleanup()
