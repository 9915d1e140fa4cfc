"""Helpers for tests of the bot: a bot that runs against the stand-in for Discord, and a model with a fixed text."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import discord
import pytest
import yarl
from afterglow.bot.client import Bot, build_bot, serve
from afterglow.bot.config import Options
from afterglow.bot.store import Store
from afterglow.bot.writer import TextService
from afterglow.core.model import Model

from . import discord_openapi
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
