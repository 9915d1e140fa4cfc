"""The client's part that answers: whom it admits, how an answer gets out, and what is said when it cannot."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Coroutine
from typing import Any

import discord
from discord import app_commands

from ..core.errors import AfterglowError, StorageError
from .buttons import TextButton
from .channel_settings import Channels, Place
from .config import Options
from .delivery import EDIT_EVERY, Delivery
from .formatting import safe
from .handlers import Desk, Found
from .health import Health
from .replies import FAILED, GONE, Answer, ToInteraction, log_failure
from .scheduling import BusyError, Cooldown, Limits, Turns
from .writer import Writer

log = logging.getLogger("afterglow.bot")

PATIENCE = 2.0
"""Seconds until a text that is still not there has a placeholder: Discord gives up on silence after three."""

LATEST = 30
"""How many messages back the latest text is looked for."""

STALE = "this command has changed; restart Discord (Ctrl+R), then try again"
WRONG = "something went wrong; it is in the bot's log"
NOT_TAKEN = "Discord did not take this answer; try again"
GROWN_UP = "this server lets me answer in its age-restricted channels only"
NO_DIRECT = "I answer in servers only"


class Host(discord.Client):
    """Answers wishes. Pings nobody, reads no message but those addressed to it, caches next to nothing.

    ``patience`` is how many seconds an answer may be silent; other options are discord.Client's.
    """

    def __init__(
        self,
        writer: Writer,
        options: Options,
        *,
        patience: float = PATIENCE,
        edit_every: float = EDIT_EVERY,
        **more: Any,
    ) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True, guild_messages=True, dm_messages=True),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_messages=None,
            chunk_guilds_at_startup=False,
            **more,
        )
        self.writer, self.options, self.patience = writer, options, patience
        self.channels = Channels(writer)
        limits = Limits(options.at_once, options.waiting, options.channel_at_once, options.channel_waiting)
        self.delivery = Delivery(writer, Turns(limits), patience, edit_every)
        self.desk = Desk(writer, self.channels, self.delivery)
        self.health = Health(writer.store, options.part)
        self.answers = set[asyncio.Task[Any]]()
        self._cooldown = Cooldown(options.uses, options.seconds, lambda: asyncio.get_running_loop().time())

    async def answer(self, answer: Answer, work: Coroutine[Any, Any, None]) -> None:
        """Do ``work``, which shows itself in ``answer``; tell what goes wrong. Closing waits for it a little."""
        task = asyncio.create_task(self._guarded(answer, work))
        self.answers.add(task)
        task.add_done_callback(self.answers.discard)
        await asyncio.wait({task}, timeout=self.patience + 0.5)
        if not task.done():
            try:
                await answer.hold("-# one moment …")
            except FAILED as problem:
                log_failure(problem)
        await asyncio.wait({task})

    async def refuse(self, answer: Answer, content: str) -> None:
        """Say why not."""
        try:
            await answer.refuse(content)
        except FAILED as problem:
            log_failure(problem)

    def place(self, interaction: discord.Interaction[Any]) -> Place:
        """Where an interaction happens, and what its user may do there."""
        may = interaction.permissions
        alone = interaction.guild_id is None
        manager, keeper = alone or may.manage_channels, alone or may.manage_guild
        return Place(interaction.channel_id or 0, interaction.guild_id, manager, keeper)

    async def admits(self, interaction: discord.Interaction[Any]) -> bool:
        """Whether an interaction is answered; where not, that is said to who asked alone."""
        changes = _named(interaction) == "settings" and self.place(interaction).keeper
        try:
            # Else one who has shut the bot out of all channels could not let it in again.
            self.require(interaction.user.id, interaction.guild_id, None if changes else interaction.channel)
        except AfterglowError as error:
            await self.refuse(ToInteraction(interaction), str(error))
            return False
        return True

    def require(self, person: int, guild: int | None, channel: Any) -> None:
        """Raise AfterglowError where no answer is to be given, or not so soon. Without a channel any will do."""
        self._cooldown.use(person)
        if guild is None and not self.options.direct_messages:
            raise AfterglowError(NO_DIRECT)
        grown_up = self.channels.value(Place(0, guild), "age_restricted")
        if grown_up and channel is not None and not _age_restricted(channel):
            raise AfterglowError(GROWN_UP)

    def tells(self, person: int) -> bool:
        """Whether one who writes too fast is to be answered once more."""
        return self._cooldown.tell(person)

    async def pressed(self, interaction: discord.Interaction[Any], act: str, recipe: str) -> None:
        """Somebody pressed a button under a text."""
        message = interaction.message
        if message is None or not await self.admits(interaction):
            return
        answer, found = ToInteraction(interaction), Found(message.id, message.content, recipe)

        async def fetch(number: int) -> str:
            return await self._content(interaction.channel_id or 0, number)

        where, who = self.place(interaction), interaction.user.id
        await self.answer(answer, self.desk.press(answer, where, who, act, found, fetch))

    async def stop_pressed(self, interaction: discord.Interaction[Any], owner: int, job: str) -> None:
        """Somebody pressed Stop."""
        found = self.delivery.jobs.get(job)
        try:
            if interaction.user.id != owner and not interaction.permissions.manage_messages:
                await interaction.response.send_message("only who asked for it can stop it", ephemeral=True)
            elif found:
                found.stop()
                await interaction.response.defer()
            else:  # it is of a process that is no more: nothing writes there
                await interaction.response.edit_message(view=None)
                await interaction.followup.send("this text is finished already", ephemeral=True)
        except FAILED as problem:
            log_failure(problem)

    async def latest(self, channel: int) -> Found | None:
        """The bot's latest text in a channel."""
        try:
            async for message in self.get_partial_messageable(channel).history(limit=LATEST):
                recipe = _recipe(message)
                if recipe and self.user and message.author.id == self.user.id:
                    return Found(message.id, message.content, recipe)
        except discord.Forbidden:
            raise AfterglowError("for that I need the permission to read this channel's message history") from None
        return None

    async def _content(self, channel: int, number: int) -> str:
        try:
            return (await self.get_partial_messageable(channel).fetch_message(number)).content
        except discord.NotFound:
            raise AfterglowError("the message that this text began with is gone") from None
        except discord.Forbidden:
            raise AfterglowError("for that I need the permission to read this channel's message history") from None

    async def _guarded(self, answer: Answer, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
            log.info("answered")
        except FAILED as problem:
            if getattr(problem, "code", 0) == GONE:
                log.info("a message was deleted while it was written")
                return
            self.health.trouble(problem)
            log_failure(problem)
            if answer.first or getattr(problem, "status", 500) >= 500:
                await self.refuse(answer, NOT_TAKEN)
        except Exception as error:
            if not isinstance(error, AfterglowError) or isinstance(error, StorageError):
                self.health.trouble(error)
            await self.refuse(answer, told(error))


def told(error: BaseException) -> str:
    """One line for the person who asked. What is not a person's mistake goes to the log, without anybody's text."""
    cause = getattr(error, "original", error)
    if isinstance(cause, AfterglowError):
        return safe(str(cause))[:1000]
    if isinstance(cause, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch):
        return STALE
    log_bug(cause)
    return WRONG


def log_bug(error: BaseException) -> None:
    """Where a bug struck and its kind. The exception's message stays out: it can hold what people wrote."""
    log.error("%s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)).rstrip())


def busy(error: BaseException) -> bool:
    """Whether it is but haste."""
    return isinstance(error, BusyError)


def _named(interaction: discord.Interaction[Any]) -> str:
    """The command that somebody uses; "" for a button."""
    data: Any = interaction.data or {}
    return str(data.get("name", ""))


def _age_restricted(channel: Any) -> bool:
    is_nsfw = getattr(channel, "is_nsfw", None)
    return bool(is_nsfw()) if is_nsfw else False


def _recipe(message: discord.Message) -> str:
    """What the buttons under a message carry."""
    for row in message.components:
        for child in getattr(row, "children", ()):
            found = TextButton.__discord_ui_compiled_template__.fullmatch(child.custom_id or "")
            if found:
                return found["recipe"]
    return ""
