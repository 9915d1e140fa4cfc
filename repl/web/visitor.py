"""A visitor: one open tab of a browser, the process that serves it, and the bounds of what may pass between them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import IO

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from ...core.bounded_json import parse_json
from ...core.command_line import echo_notice
from ...core.errors import StorageError
from ...core.file_io import private_file
from ...core.paths import log_file
from .visitor_home import home_size

MAX_WIDTH, MAX_HEIGHT = 500, 200
"""Size in characters at which a larger window is drawn."""

INPUT_BURST = 64 << 10
"""Characters that a visitor may send at once, a long paste for example. Each key that waits takes 1.6 KB of memory."""

INPUT_RATE = 8 << 10
"""Characters per second that a visitor may send for any time. A mouse that never rests sends half of them."""

MAX_HOME_BYTES = 256 << 20
"""Size of a visitor's folder at which the session ends."""

WATCH_INTERVAL = 5.0
"""Seconds between two looks at the size of a visitor's folder."""

LEAVE_SECONDS = 1.2
"""Seconds in which a process may save and end by itself before it is killed."""

CLOSE_SECONDS = 0.5
"""Seconds that a browser has to answer when a connection is closed."""

STARTED = b"__GANGLION__\n"
"""The line that a process writes before its first packet."""

LIMITS = {"AFTERGLOW_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""Environment variables by which a process takes one thread for its arithmetic."""


class SessionEndedError(Exception):
    """A reason to end a session, for the visitor and the server's log."""


class InputBudget:
    """A number of characters that may be sent now: at most INPUT_BURST, refilled at INPUT_RATE."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left = float(INPUT_BURST)
        self._time = clock()

    def spend(self, size: int) -> None:
        """Take ``size`` characters. Raise SessionEndedError if there are not as many."""
        now = self._clock()
        self._left = min(INPUT_BURST, self._left + (now - self._time) * INPUT_RATE) - size
        self._time = now
        if self._left < 0:
            raise SessionEndedError(f"more than {INPUT_BURST:,} characters were sent at once")


def _open_log(path: Path) -> IO[bytes]:
    """Open the log of a process for writing. If that fails, what the process says goes nowhere."""
    try:
        return private_file(path).open("ab")
    except (StorageError, OSError):
        return Path(os.devnull).open("wb")


def terminal_size(width: object, height: object) -> tuple[int, int]:
    """Return the size to draw for a window of this size. Raise SessionEndedError if it is none."""
    if type(width) is not int or type(height) is not int or min(width, height) < 1:
        raise SessionEndedError("a size was sent that is no size")
    return min(width, MAX_WIDTH), min(height, MAX_HEIGHT)


async def close_websocket(websocket: web.WebSocketResponse, reason: str) -> None:
    """Close a connection within CLOSE_SECONDS, even if the other side does not answer. The page shows ``reason``."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await websocket.close(code=WSCloseCode.OK, message=reason.encode())


async def end_session(websocket: web.WebSocketResponse, reason: str) -> None:
    """Close a connection with a reason that the page and the server's log show."""
    echo_notice(f"a session ended: {reason}")
    await close_websocket(websocket, reason)


class Visitor(AppService):
    """Runs ``words`` as a process, and passes keys and screens between it and a websocket.

    ``home`` is the data folder of the process, None if it is the host's own.
    """

    def __init__(
        self, words: Sequence[str], home: Path | None, websocket: web.WebSocketResponse, downloads: DownloadManager
    ) -> None:
        super().__init__(
            "",
            write_bytes=websocket.send_bytes,
            write_str=self._tell_page,
            close=partial(close_websocket, websocket, "you have quit"),
            download_manager=downloads,
        )
        self._words = words
        self._home = home
        self.websocket = websocket
        self._budget = InputBudget()

    async def serve(self, size: tuple[int, int], idle_seconds: float) -> None:
        """Serve the visitor until either side ends the session."""
        await self.start(*size)
        watch = asyncio.create_task(self._watch_home())
        try:
            await self._pass_messages(idle_seconds)
        except ConnectionError:
            pass  # the visitor has gone
        except SessionEndedError as error:
            await end_session(self.websocket, str(error))
        finally:
            watch.cancel()
            await self.stop()

    async def end(self, reason: str) -> None:
        """End the session, unless it has ended."""
        if not self.websocket.closed:
            await end_session(self.websocket, reason)

    async def _pass_messages(self, idle_seconds: float) -> None:
        try:
            async with asyncio.timeout(idle_seconds) as idle:
                async for message in self.websocket:
                    if await self._receive(message):
                        idle.reschedule(asyncio.get_running_loop().time() + idle_seconds)
        except TimeoutError:
            raise SessionEndedError(f"nothing was typed for {idle_seconds / 60:g} minutes") from None

    async def _receive(self, message: WSMessage) -> bool:
        """Pass on a message from the page. Return True if it was typed."""
        if message.type is not WSMsgType.TEXT:
            raise SessionEndedError("something was sent that is not text, or too long")
        self._budget.spend(len(message.data))
        try:
            envelope = parse_json(message.data, max_values=10)
        except ValueError:
            raise SessionEndedError("something was sent that is not JSON") from None
        match envelope:
            case ["stdin", str(keys)]:
                await self.send_bytes(keys.encode("utf-8", "replace"))
                return True
            case ["resize", {"width": width, "height": height}]:
                await self.set_terminal_size(*terminal_size(width, height))
            case ["ping", str(data)]:
                await self.websocket.send_json(["pong", data])
            case ["blur"]:
                await self.blur()
            case ["focus"]:
                await self.focus()
            case _:
                raise SessionEndedError("something was sent that the page never sends")
        return False

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        """Start the process. What it says on its standard error goes to its log."""
        home = {"AFTERGLOW_HOME": str(self._home), "AFTERGLOW_VISITOR": "1"} if self._home else {}
        driver = {"TEXTUAL_DRIVER": "afterglow.repl.web.driver:VisitorDriver"}
        environment = self._build_environment(width, height) | LIMITS | driver | home
        with _open_log(self._home / log_file().name if self._home else log_file()) as log:
            process = await asyncio.create_subprocess_exec(
                *self._words, stdin=PIPE, stdout=PIPE, stderr=log, env=environment, start_new_session=os.name != "nt"
            )
        self._process, self._stdin = process, process.stdin
        return process

    async def _tell_page(self, text: str) -> None:
        """Send a message to the page. Downloads are opened below its own address, which may have a word in it."""
        match json.loads(text):
            case ["deliver_file_start", str(key)]:
                text = json.dumps(["open_url", {"url": f"download/{key}", "new_tab": True}])
        await self.websocket.send_str(text)

    async def run(self) -> None:
        """Pass on what the process writes until it ends."""
        assert self._process
        assert self._process.stdout
        output = self._process.stdout
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._pass_output(output)
        await self.end("its process ended unexpectedly; the log of the server tells why")
        while await output.read(1 << 16):  # so that a process that still writes can end
            pass

    async def _pass_output(self, output: asyncio.StreamReader) -> None:
        while (line := await output.readline()) != STARTED:
            if not line:
                return
        receivers = {b"D": self.on_data, b"M": self.on_meta, b"P": self.on_packed}
        while True:
            kind = await output.readexactly(1)
            size = int.from_bytes(await output.readexactly(4), "big")
            await receivers[kind](await output.readexactly(size))

    async def stop(self) -> None:
        """Ask the process to quit, and kill it if it does not."""
        process, task = self._process, self._task
        if process is None or task is None:
            return
        await self._download_manager.cancel_app_downloads(app_service_id=self.app_service_id)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await self.send_meta({"type": "quit"})
                await process.wait()
        if process.returncode is None:
            process.kill()
        task.cancel()
        await asyncio.wait([task])
        assert process.stdout
        while await process.stdout.read(1 << 16):
            pass
        await process.wait()

    async def _watch_home(self) -> None:
        """End the session when the visitor's folder is full."""
        while self._home:
            await asyncio.sleep(WATCH_INTERVAL)
            if await asyncio.to_thread(home_size, self._home) > MAX_HOME_BYTES:
                await self.end(f"its texts fill {MAX_HOME_BYTES >> 20} MB")
