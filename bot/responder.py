"""Decides which requests get a reply, runs them, and reports their errors."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Coroutine, Mapping
from typing import Any

import discord
from discord import app_commands

from ..core.errors import AfterglowError, StorageError
from . import command_table
from .channel_settings import ChannelContext, ChannelSettings
from .config import Options
from .delivery import Delivery
from .formatting import escape
from .handlers import Handlers
from .health import Health
from .invocation import BotMessage, Invocation, context_of
from .replies import DELIVERY_ERRORS, UNKNOWN_MESSAGE, InteractionReply, MessageReply, Reply, log_failure
from .scheduling import BusyError, QueueLimits, RateLimiter, TicketQueue
from .setting_specs import MAX_MESSAGE
from .writer import TextService

log = logging.getLogger("afterglow.bot")

PLACEHOLDER_DELAY = 2.0
"""Seconds without a reply after which a placeholder is sent. Discord drops an interaction after three."""

SHUTDOWN_GRACE = 5.0
"""Seconds to wait for pending replies when the bot is stopped."""

STALE_COMMAND = "this command has changed; restart Discord (Ctrl+R) and try again"
INTERNAL_ERROR = "something went wrong; the bot's log has the details"
NOT_DELIVERED = "Discord rejected this reply; please try again"
AGE_RESTRICTED_ONLY = "on this server I only answer in age-restricted channels"
NO_DIRECT_MESSAGES = "I only answer on servers"
NOT_YOURS_TO_STOP = "only the person who asked for this text, or a moderator, can stop it"


class Responder:
    """Runs handlers for the client's events. Checks permissions and the rate limit, sends placeholders, shows errors.

    ``placeholder_delay`` and ``edit_interval`` are seconds.
    """

    def __init__(
        self,
        service: TextService,
        options: Options,
        placeholder_delay: float,
        edit_interval: float,
    ) -> None:
        limits = QueueLimits(options.at_once, options.waiting, options.channel_at_once, options.channel_waiting)
        self.channel_settings = ChannelSettings(service)
        self.delivery = Delivery(service, TicketQueue(limits), placeholder_delay, edit_interval)
        self.handlers = Handlers(service, self.channel_settings, self.delivery)
        self.health = Health(service.store, options.shard_label)
        self.tasks = set[asyncio.Task[None]]()
        self._options = options
        self._placeholder_delay = placeholder_delay
        self._rate_limiter = RateLimiter(options.uses, options.seconds, lambda: asyncio.get_running_loop().time())

    async def respond(self, reply: Reply, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work``, which writes to ``reply``. Its errors are shown there. ``close`` waits for it."""
        task = asyncio.create_task(self._run_guarded(reply, work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        # A text has shown its position in the queue by then; this is for slow work of other kinds.
        await asyncio.wait({task}, timeout=self._placeholder_delay + 0.5)
        if not task.done():
            try:
                await reply.show_placeholder("-# one moment …")
            except DELIVERY_ERRORS as problem:
                log_failure(problem)
        await asyncio.wait({task})

    async def close(self) -> None:
        """Stop all texts and wait up to ``SHUTDOWN_GRACE`` seconds until what was written is delivered."""
        self.delivery.stop()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=SHUTDOWN_GRACE)

    async def send_error(self, reply: Reply, content: str) -> None:
        """Show an error to the user, privately if possible."""
        try:
            await reply.show_privately(content)
        except DELIVERY_ERRORS as problem:
            log_failure(problem)

    async def allow(self, interaction: discord.Interaction) -> bool:
        """Return True if the interaction may be answered. If not, its user is told why."""
        # Managers may always change settings, or they could not undo an age restriction that excludes all channels.
        unrestricted = _command_name(interaction) == "settings" and context_of(interaction).can_manage_guild
        try:
            self._check_allowed(
                interaction.user.id, interaction.guild_id, None if unrestricted else interaction.channel
            )
        except AfterglowError as error:
            await self.send_error(InteractionReply(interaction), str(error))
            return False
        return True

    async def on_message(self, client: discord.Client, message: discord.Message, line: str) -> None:
        """Answer a message addressed to the bot. ``line`` is its text without the mention."""
        reply = MessageReply(message)
        try:
            self._check_allowed(message.author.id, message.guild.id if message.guild else None, message.channel)
        except AfterglowError as error:
            if not isinstance(error, BusyError) or self._rate_limiter.should_warn(message.author.id):
                await self.send_error(reply, str(error))
            return
        invocation = Invocation.from_message(client, message)
        await self.respond(invocation.reply, command_table.run_line(self.handlers, invocation, line))

    async def on_text_button(self, interaction: discord.Interaction, action: str, encoded_state: str) -> None:
        """Answer a press of a button under a text."""
        message = interaction.message
        if message is None or not await self.allow(interaction):
            return
        invocation = Invocation.from_interaction(interaction)
        pressed = BotMessage(message.id, message.content, encoded_state)
        await self.respond(invocation.reply, self.handlers.on_button(invocation, action, pressed))

    async def on_stop_button(self, interaction: discord.Interaction, owner: int, job_id: str) -> None:
        """Stop a text for the user who asked for it, or for one who may manage messages."""
        job = self.delivery.jobs.get(job_id)
        try:
            if interaction.user.id != owner and not interaction.permissions.manage_messages:
                await interaction.response.send_message(NOT_YOURS_TO_STOP, ephemeral=True)
            elif job:
                job.stop()
                await interaction.response.defer()
            else:  # The text is finished, or belongs to a bot process that has ended.
                await interaction.response.edit_message(view=None)
                await interaction.followup.send("this text is already finished", ephemeral=True)
        except DELIVERY_ERRORS as problem:
            log_failure(problem)

    def _check_allowed(self, user_id: int, guild: int | None, channel: object) -> None:
        """Count a use. Raise AfterglowError if the user is over the rate limit, or is not answered in this channel.

        If ``channel`` is None, an age restriction does not apply.
        """
        self._rate_limiter.count_use(user_id)
        if guild is None and not self._options.direct_messages:
            raise AfterglowError(NO_DIRECT_MESSAGES)
        restricted = self.channel_settings.get(ChannelContext(0, guild), "age_restricted")
        if restricted and channel is not None and not _is_age_restricted(channel):
            raise AfterglowError(AGE_RESTRICTED_ONLY)

    async def _run_guarded(self, reply: Reply, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work``. Show its errors to the user, and record those that are not the user's."""
        try:
            await work
            log.info("answered")
        except DELIVERY_ERRORS as problem:
            await self._report_delivery_error(reply, problem)
        except Exception as error:
            if not isinstance(error, AfterglowError) or isinstance(error, StorageError):
                self.health.record_error(error)
            await self.send_error(reply, error_message(error))

    async def _report_delivery_error(self, reply: Reply, problem: Exception) -> None:
        if getattr(problem, "code", 0) == UNKNOWN_MESSAGE:
            log.info("a message was deleted while its text was written")
            return
        self.health.record_error(problem)
        log_failure(problem)
        # If Discord rejected the first message, it would reject this one too.
        if reply.first_message_id or getattr(problem, "status", 500) >= 500:
            await self.send_error(reply, NOT_DELIVERED)


def error_message(error: BaseException) -> str:
    """Return the line that tells the user about an error. An unexpected error is also logged."""
    cause = getattr(error, "original", error)
    if isinstance(cause, AfterglowError):
        return escape(str(cause))[:MAX_MESSAGE]
    if isinstance(cause, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch):
        return STALE_COMMAND
    log_bug(cause)
    return INTERNAL_ERROR


def log_bug(error: BaseException) -> None:
    """Log an exception's type and traceback. Its message is left out because it can contain what users wrote."""
    log.error("%s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)).rstrip())


def _command_name(interaction: discord.Interaction) -> str:
    """Return the name of the command that was used, "" for a button."""
    data: Mapping[str, object] = interaction.data or {}
    return str(data.get("name", ""))


def _is_age_restricted(channel: object) -> bool:
    is_nsfw = getattr(channel, "is_nsfw", None)
    return bool(is_nsfw()) if is_nsfw else False
