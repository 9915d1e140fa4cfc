"""Helpers for tests of the bot: a bot that runs against the stand-in for Discord, and a model with a fixed text."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Generator
from dataclasses import replace
from typing import Any

import discord
import numpy as np
import pytest
import yarl
from afterglow.bot.client import Bot, build_bot, serve
from afterglow.bot.config import Options
from afterglow.bot.store import Store
from afterglow.bot.writer import TextService
from afterglow.core.inference.model_file import ModelFile, open_model_file
from afterglow.core.inference.runtime import Stepper
from afterglow.core.model import Model, Prefill

from . import discord_openapi
from .conftest import DATA
from .discord_shapes import BOT
from .discord_standin import TIMEOUT, TOKEN, Discord

NO_RATE_LIMIT = Options(uses=1000)
"""Options with a rate limit that no test reaches."""


@contextlib.asynccontextmanager
async def loopback(monkeypatch: pytest.MonkeyPatch, **options: Any) -> AsyncIterator[Discord]:
    """Run the stand-in, with discord.py connecting to it. At the end check all requests against Discord's OpenAPI."""
    async with Discord(**options) as there:
        monkeypatch.setattr(discord.http.Route, "BASE", there.url)
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(there.gateway.url))
        yield there
    if discord_openapi.is_available():
        discord_openapi.check(there.calls)


@contextlib.asynccontextmanager
async def running_bot(
    there: Discord, model: Model, options: Options = NO_RATE_LIMIT, edit_interval: float = 0.02, **more: Any
) -> AsyncIterator[Bot]:
    """Run a bot, and yield it when it is ready."""
    with contextlib.closing(Store(Options().data_path)) as store:
        writer = TextService(model, store, blocked_words=options.blocklist)
        bot = build_bot(writer, options, guild_ready_timeout=0.01, edit_interval=edit_interval, **more)
        task = asyncio.create_task(serve(bot, TOKEN))
        try:
            async with asyncio.timeout(TIMEOUT):
                await _wait_for_ready(bot_ready(there, bot), task)
            yield bot
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def bot_ready(there: Discord, bot: Bot) -> None:
    """Wait until the bot has identified itself and received the events of the start."""
    before = len(there.gateway.identified)
    await there.until(lambda: len(there.gateway.identified) > before)
    await bot.wait_until_ready()


async def wait_until(condition: Callable[[], object]) -> None:
    """Wait until ``condition()`` is true, for effects that cause no request to Discord."""
    async with asyncio.timeout(TIMEOUT):
        while not condition():
            await asyncio.sleep(0.01)


async def _wait_for_ready(ready: Any, run: asyncio.Task[None]) -> None:
    waiting = asyncio.ensure_future(ready)
    await asyncio.wait({waiting, run}, return_when=asyncio.FIRST_COMPLETED)
    if run.done():
        waiting.cancel()
        run.result()
    await waiting


async def run_command(there: Discord, name: str, /, **options: Any) -> str:
    """Run a slash command and return the text of the answer."""
    return (await there.command(name, **options)).content or ""


async def mention_bot(there: Discord, line: str, **more: Any) -> str:
    """Send a message that mentions the bot, and return the text of the reply."""
    return await there.reply_to(await there.say(f"<@{BOT['id']}> {line}", mentions=[BOT], **more))


def labels(message: dict[str, Any]) -> list[str]:
    """Return the labels of a message's buttons."""
    return [button["label"] for row in message["components"] for button in row["components"]]


class ScriptedRuntime:
    """A runtime that generates ``text`` again and again, byte by byte.

    Before each byte from number ``after`` on it sets ``waiting`` and waits for ``gate``. ``bug`` is raised at the first
    step.
    """

    max_batches = 1

    def __init__(self, text: str, gate: threading.Event | None, after: int, bug: Exception | None) -> None:
        self._bytes, self._gate, self._after, self._bug = text.encode(), gate, after, bug
        self.waiting = threading.Event()

    def zeros(self, rows: int) -> tuple[Any, ...]:
        """Return the state: the number of bytes generated, 0."""
        return (np.zeros((rows, 1), np.int64),)

    def logits(self, count: int) -> Any:
        """Return logits that make the byte after ``count`` bytes certain."""
        row = np.full(256, -1000, np.float32)
        row[self._bytes[count % len(self._bytes)]] = 0
        return row

    def wait(self, count: int) -> None:
        """Wait until ``count`` bytes may be generated."""
        if self._bug:
            raise self._bug
        if self._gate and count > self._after:
            self.waiting.set()
            assert self._gate.wait(TIMEOUT)

    def stepper(self, state: Any, exclusive: bool = True) -> Any:  # noqa: ARG002
        """Return a stepper that generates from ``state`` on."""
        return _ScriptedStepper(self, state)


class _ScriptedStepper(Stepper):
    def __init__(self, script: ScriptedRuntime, state: Any) -> None:
        self._script, self.state = script, (state[0].copy(),)
        self.logits = np.empty((len(state[0]), 256), np.float32)

    def step(self, _: Any) -> None:
        """Count a byte, whatever token was drawn."""
        counts = self.state[0] + 1
        self._script.wait(counts.max())
        self.logits = np.stack([self._script.logits(int(count)) for count in counts[:, 0]])
        self.state = (counts,)


class Scripted(Model):
    """A model that continues every seed with ``text``."""

    def __init__(
        self, text: str = "x", gate: threading.Event | None = None, after: int = 0, bug: Exception | None = None
    ) -> None:
        self.script = ScriptedRuntime(text, gate, after, bug)
        super().__init__("scripted", _bytes_file(), self.script)

    def prefill_chunks(self, *given: Any, **more: Any) -> Generator[float, None, Prefill]:
        """Read the seed, then start at the beginning of the text."""
        reading = yield from super().prefill_chunks(*given, **more)
        begin = replace(reading.snapshot, state=self.script.zeros(1), logits=self.script.logits(0))
        return reading._replace(snapshot=begin)


def _bytes_file() -> ModelFile:
    return open_model_file(DATA / "tiny-byte.safetensors")
