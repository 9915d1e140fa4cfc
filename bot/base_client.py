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
from .channel_settings import ChannelContext, ChannelSettings
from .config import Options
from .delivery import EDIT_INTERVAL, Delivery
from .formatting import escape
from .handlers import BotMessage, Handlers
from .health import Health
from .replies import DELIVERY_ERRORS, UNKNOWN_MESSAGE, InteractionReply, Reply, log_failure
from .scheduling import BusyError, QueueLimits, RateLimiter, TicketQueue
from .writer import TextService

log = logging.getLogger("afterglow.bot")

PLACEHOLDER_DELAY = 2.0
"""Seconds until a text that is still not there has a placeholder: Discord gives up on silence after three."""

MAX_HISTORY = 30
"""How many messages back the latest text is looked for."""

STALE_COMMAND = "this command has changed; restart Discord (Ctrl+R), then try again"
INTERNAL_ERROR = "something went wrong; it is in the bot's log"
NOT_DELIVERED = "Discord did not take this answer; try again"
AGE_RESTRICTED_ONLY = "this server lets me answer in its age-restricted channels only"
NO_DIRECT_MESSAGES = "I answer in servers only"


class BaseClient(discord.Client):
    """Answers wishes. Pings nobody, reads no message but those addressed to it, caches next to nothing.

    ``patience`` is how many seconds an answer may be silent; other options are discord.Client's.
    """

    def __init__(
        self,
        service: TextService,
        options: Options,
        *,
        placeholder_delay: float = PLACEHOLDER_DELAY,
        edit_interval: float = EDIT_INTERVAL,
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
        self.service, self.options, self.placeholder_delay = service, options, placeholder_delay
        self.channel_settings = ChannelSettings(service)
        limits = QueueLimits(options.at_once, options.waiting, options.channel_at_once, options.channel_waiting)
        self.delivery = Delivery(service, TicketQueue(limits), placeholder_delay, edit_interval)
        self.handlers = Handlers(service, self.channel_settings, self.delivery)
        self.health = Health(service.store, options.shard_label)
        self.reply_tasks = set[asyncio.Task[Any]]()
        self._rate_limiter = RateLimiter(options.uses, options.seconds, lambda: asyncio.get_running_loop().time())

    async def respond(self, reply: Reply, work: Coroutine[Any, Any, None]) -> None:
        """Do ``work``, which shows itself in ``answer``; tell what goes wrong. Closing waits for it a little."""
        task = asyncio.create_task(self._run_guarded(reply, work))
        self.reply_tasks.add(task)
        task.add_done_callback(self.reply_tasks.discard)
        await asyncio.wait({task}, timeout=self.placeholder_delay + 0.5)
        if not task.done():
            try:
                await reply.show_placeholder("-# one moment …")
            except DELIVERY_ERRORS as problem:
                log_failure(problem)
        await asyncio.wait({task})

    async def send_error(self, reply: Reply, content: str) -> None:
        """Say why not."""
        try:
            await reply.show_error(content)
        except DELIVERY_ERRORS as problem:
            log_failure(problem)

    def context_of(self, interaction: discord.Interaction[Any]) -> ChannelContext:
        """Where an interaction happens, and what its user may do there."""
        may = interaction.permissions
        alone = interaction.guild_id is None
        manager, keeper = alone or may.manage_channels, alone or may.manage_guild
        return ChannelContext(interaction.channel_id or 0, interaction.guild_id, manager, keeper)

    async def allow(self, interaction: discord.Interaction[Any]) -> bool:
        """Whether an interaction is answered; where not, that is said to who asked alone."""
        changes = _command_name(interaction) == "settings" and self.context_of(interaction).can_manage_guild
        try:
            # Else one who has shut the bot out of all channels could not let it in again.
            self.check_allowed(interaction.user.id, interaction.guild_id, None if changes else interaction.channel)
        except AfterglowError as error:
            await self.send_error(InteractionReply(interaction), str(error))
            return False
        return True

    def check_allowed(self, user_id: int, guild: int | None, channel: Any) -> None:
        """Raise AfterglowError where no answer is to be given, or not so soon. Without a channel any will do."""
        self._rate_limiter.count_use(user_id)
        if guild is None and not self.options.direct_messages:
            raise AfterglowError(NO_DIRECT_MESSAGES)
        grown_up = self.channel_settings.get(ChannelContext(0, guild), "age_restricted")
        if grown_up and channel is not None and not _is_age_restricted(channel):
            raise AfterglowError(AGE_RESTRICTED_ONLY)

    def should_warn(self, user_id: int) -> bool:
        """Whether one who writes too fast is to be answered once more."""
        return self._rate_limiter.should_warn(user_id)

    async def handle_text_button(self, interaction: discord.Interaction[Any], action: str, encoded_state: str) -> None:
        """Somebody pressed a button under a text."""
        message = interaction.message
        if message is None or not await self.allow(interaction):
            return
        answer, found = InteractionReply(interaction), BotMessage(message.id, message.content, encoded_state)

        async def fetch(number: int) -> str:
            return await self._fetch_content(interaction.channel_id or 0, number)

        where, who = self.context_of(interaction), interaction.user.id
        await self.respond(answer, self.handlers.on_button(answer, where, who, action, found, fetch))

    async def handle_stop_button(self, interaction: discord.Interaction[Any], owner: int, job: str) -> None:
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
        except DELIVERY_ERRORS as problem:
            log_failure(problem)

    async def find_latest_message(self, channel: int) -> BotMessage | None:
        """The bot's latest text in a channel."""
        try:
            async for message in self.get_partial_messageable(channel).history(limit=MAX_HISTORY):
                recipe = _encoded_state_of(message)
                if recipe and self.user and message.author.id == self.user.id:
                    return BotMessage(message.id, message.content, recipe)
        except discord.Forbidden:
            raise AfterglowError("for that I need the permission to read this channel's message history") from None
        return None

    async def _fetch_content(self, channel: int, message_id: int) -> str:
        try:
            return (await self.get_partial_messageable(channel).fetch_message(message_id)).content
        except discord.NotFound:
            raise AfterglowError("the message that this text began with is gone") from None
        except discord.Forbidden:
            raise AfterglowError("for that I need the permission to read this channel's message history") from None

    async def _run_guarded(self, reply: Reply, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
            log.info("answered")
        except DELIVERY_ERRORS as problem:
            if getattr(problem, "code", 0) == UNKNOWN_MESSAGE:
                log.info("a message was deleted while it was written")
                return
            self.health.record_error(problem)
            log_failure(problem)
            if reply.first_message_id or getattr(problem, "status", 500) >= 500:
                await self.send_error(reply, NOT_DELIVERED)
        except Exception as error:
            if not isinstance(error, AfterglowError) or isinstance(error, StorageError):
                self.health.record_error(error)
            await self.send_error(reply, error_message(error))


def error_message(error: BaseException) -> str:
    """One line for the person who asked. What is not a person's mistake goes to the log, without anybody's text."""
    cause = getattr(error, "original", error)
    if isinstance(cause, AfterglowError):
        return escape(str(cause))[:1000]
    if isinstance(cause, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch):
        return STALE_COMMAND
    log_bug(cause)
    return INTERNAL_ERROR


def log_bug(error: BaseException) -> None:
    """Where a bug struck and its kind. The exception's message stays out: it can hold what people wrote."""
    log.error("%s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)).rstrip())


def is_busy(error: BaseException) -> bool:
    """Whether it is but haste."""
    return isinstance(error, BusyError)


def _command_name(interaction: discord.Interaction[Any]) -> str:
    """The command that somebody uses; "" for a button."""
    data: Any = interaction.data or {}
    return str(data.get("name", ""))


def _is_age_restricted(channel: Any) -> bool:
    is_nsfw = getattr(channel, "is_nsfw", None)
    return bool(is_nsfw()) if is_nsfw else False


def _encoded_state_of(message: discord.Message) -> str:
    """What the buttons under a message carry."""
    for row in message.components:
        for child in getattr(row, "children", ()):
            found = TextButton.__discord_ui_compiled_template__.fullmatch(child.custom_id or "")
            if found:
                return found["recipe"]
    return ""
