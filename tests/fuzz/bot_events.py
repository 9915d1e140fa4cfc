"""What Discord tells the bot: commands, buttons, menus, messages and events of servers, taken from a real exchange."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
from collections.abc import Iterator
from random import Random
from typing import Any

import discord
import yarl
from afterglow.bot.config import Options
from afterglow.core.errors import AfterglowError

from ..bot_helpers import running_bot
from ..discord_shapes import BOT, CHANNEL, DM, GUILD
from ..discord_standin import Discord
from .mutation import Edit, Path, Sample, value_at
from .target import TinyTarget
from .values import is_recipe, unexpected

PEOPLES = {"value", "content", "custom_id", "username", "global_name", "nick", "focused"}
"""Keys of what people write or choose. Discord sends any value of the type there; elsewhere it sends what is so."""


class LibraryError(AfterglowError):
    """An event that discord.py does not understand."""


class DiscordTarget(TinyTarget):
    """The bot, connected to the stand-in. Events that a person can cause are answered; after all others it lives on."""

    name = "discord"
    promises = (LibraryError,)

    def make_sample(self) -> Sample:
        """Start a bot, and return one event of each kind that it received."""
        self.log = _Log()
        for name in ("afterglow.bot", "discord", "asyncio"):
            logging.getLogger(name).addHandler(self.log)
            logging.getLogger(name).propagate = False
        self.runner = asyncio.Runner()
        return Sample(self.runner.run(self._start()))

    def random_edits(self, rng: Random, size: int) -> list[Edit]:
        """Return edits of what a person writes or chooses, or of anything."""
        if rng.random() < 0.4:
            return super().random_edits(rng, size)
        path = rng.choice([path for path in _paths(self.sample.tree) if path[-1] in PEOPLES])
        return [["put", path, unexpected(rng, value_at(self.sample.tree, path), same_type=True)]]

    def use(self, data: bytes, edits: list[Edit]) -> None:
        """Let the bot receive the events that were edited, and see that it still answers."""
        try:
            events = json.loads(data)
        except (ValueError, RecursionError):
            raise LibraryError("the gateway's messages are JSON") from None
        self.log.errors.clear()
        for name in dict.fromkeys(edit[1][0] for edit in edits if isinstance(edit[1], list)):
            self.runner.run(self._receive(events.get(name)))
        faults = [*self.log.errors, *(f"refused: {call}" for call in self.there.calls if call.status == 400)]
        answer = self.runner.run(self._help())
        assert "List the commands" in answer, answer[:100]
        if all(self._can_come_from_a_person(edit) for edit in edits):
            assert not faults, " ".join(faults[0].split())[-300:]

    def _can_come_from_a_person(self, edit: Edit) -> bool:
        if edit[0] != "put" or edit[1][-1] not in PEOPLES:
            return False
        value = edit[2]["$text"][0] if is_recipe(edit[2]) and "$text" in edit[2] else edit[2]
        return type(value) is type(value_at(self.sample.tree, edit[1])) and not _is_lone(value)

    async def _start(self) -> dict[str, Any]:
        self.there = await Discord(limit=1000).__aenter__()
        discord.http.Route.BASE = self.there.url
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(self.there.gateway.url)
        starting = running_bot(self.there, self.model, Options(uses=1_000_000, seconds=1), edit_interval=0.0)
        self.bot = await starting.__aenter__()
        self.keep_alive = starting
        return await self._record()

    async def _record(self) -> dict[str, Any]:
        """Return events by name, as {"t": kind, "d": data}."""
        events: dict[str, Any] = {}
        send = self.there.gateway.dispatch

        async def dispatch(name: str, data: Any) -> None:
            label = next(each for each in (f"{name} {n}" for n in range(99)) if each not in events)
            events[label] = {"t": name, "d": copy.deepcopy(data)}
            await send(name, data)

        self.there.gateway.dispatch = dispatch
        await self._converse()
        self.there.gateway.dispatch = send
        return json.loads(json.dumps(events))

    async def _converse(self) -> None:
        there = self.there
        await there.command("say", seed="The lamp", length=20, rng=7, temperature=0.8)
        shown = there.messages[-1]["id"]
        for label in ("Retry", "Hotter", "Continue"):
            await there.press(shown, label)
        await there.command("settings", name="stop", value="zzz")
        await there.command("settings", name="temperature", value="0.2..1.6")
        await there.command("temp", value=0.7)
        await there.command("model", name="")
        await there.command("sweep", seed="a")
        await there.command("explain")
        await there.suggestions("settings", "value", "0", name="length")
        await there.suggestions("model", "name", "t")
        await there.menu("Continue this", dict(there.messages[0]))
        await there.reply_to(await there.say(f"<@{BOT['id']}> /settings length 30", mentions=[BOT]))
        await there.reply_to(await there.say("The end", channel=DM))
        await there.dispatch("CHANNEL_DELETE", {"id": "4001", "guild_id": GUILD, "type": 0, "name": "poems"})
        await there.dispatch("THREAD_DELETE", {"id": "4009", "guild_id": GUILD, "parent_id": CHANNEL, "type": 11})
        await there.dispatch("GUILD_UPDATE", self.there.gateway.guilds[GUILD])

    async def _receive(self, event: Any) -> None:
        """Let the client's parser have an event, as its gateway does, and wait until all work is done."""
        self._renew(event)
        before = asyncio.all_tasks()
        try:
            self.bot._connection.parsers[event["t"]](event["d"])
        except Exception as error:
            raise LibraryError(f"{type(error).__name__}") from None
        async with asyncio.timeout(20):
            while working := [task for task in asyncio.all_tasks() - before if _is_work(task)]:
                await asyncio.wait(working)

    def _renew(self, event: Any) -> None:
        """Let an interaction be answered again."""
        self.there.calls.clear()
        for interaction in self.there.rest.interactions.values():
            if json.dumps(interaction.token) in json.dumps(event):
                interaction.first, interaction.original, interaction.ephemeral = None, "", False
                interaction.began = asyncio.get_running_loop().time()

    async def _help(self) -> str:
        found = await self.there.command("help")
        return found.content or ""


def _paths(tree: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every value."""
    for step, inner in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield [*path, step]
        yield from _paths(inner, [*path, step])


def _is_work(task: asyncio.Task[Any]) -> bool:
    """True if a task answers an event, and is not one of the connection's."""
    file = getattr(getattr(task.get_coro(), "cr_code", None), "co_filename", "")
    return "/discord/" in file or "/bot/" in file


def _is_lone(value: Any) -> bool:
    return isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value)


class _Log(logging.Handler):
    """Collects errors."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record's text."""
        self.errors.append(self.format(record))
