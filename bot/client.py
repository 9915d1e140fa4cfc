"""The bot as Discord sees it: what it hears, and what it does when servers and channels come and go."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import discord

from ..core.errors import AfterglowError, StorageError
from . import commands, health
from .base_client import BaseClient, is_busy, log_bug
from .buttons import BUTTON_TYPES
from .channel_settings import ChannelContext
from .config import Options
from .replies import DELIVERY_ERRORS, MessageReply
from .writer import TextService

log = logging.getLogger("afterglow.bot")

SHUTDOWN_GRACE = 5.0
"""Seconds that answers on their way get when the bot is told to stop."""

Kept = TypeVar("Kept")


class Bot(BaseClient):
    """Hears slash commands, buttons, mentions and direct messages, and forgets who lets it go."""

    def __init__(self, service: TextService, options: Options | None = None, **more: Any) -> None:
        super().__init__(service, options or Options(), **more)
        self.store = service.store
        self.tree = commands.build_tree(self)
        self._welcomed = False
        self._heartbeat_task: asyncio.Task[None] | None = None
        self._cleanup_task: asyncio.Task[None] | None = None

    async def setup_hook(self) -> None:
        """Register the commands, once for each shape of them."""
        self.add_dynamic_items(*BUTTON_TYPES)
        changed = await commands.register(self.tree, self.application_id or 0, self.store)
        log.info("commands registered" if changed else "commands unchanged")
        self._heartbeat_task = asyncio.create_task(self._send_heartbeats())

    async def on_ready(self) -> None:
        """Say how to invite the bot; Discord may call a bot ready many times."""
        log.info("ready, in %d servers", len(self.guilds))
        await self._forget_guilds(self._departed_guilds() if await asyncio.to_thread(self._owns_store) else set())
        if not self._welcomed:
            self._welcomed = True
            print(f"invite the bot: {self.invite_url}\ntry /say in {self._example_channel()}", flush=True)
        if not self.is_closed() and (self._cleanup_task is None or self._cleanup_task.done()):
            self._cleanup_task = asyncio.create_task(self._forget_deleted_channels())

    @property
    def invite_url(self) -> str:
        """Where a server's keeper lets the bot in, with the few permissions that it uses."""
        needed = discord.Permissions(
            view_channel=True, send_messages=True, send_messages_in_threads=True, read_message_history=True
        )
        return discord.utils.oauth_url(
            self.application_id or 0, permissions=needed, scopes=("bot", "applications.commands")
        )

    async def on_message(self, message: discord.Message) -> None:
        """A mention or a direct message is a seed, or a typed command."""
        line = self._addressed_text(message)
        if line is None:
            return
        answer, guild = MessageReply(message), message.guild.id if message.guild else None
        try:
            self.check_allowed(message.author.id, guild, message.channel)
        except AfterglowError as error:
            if not is_busy(error) or self.should_warn(message.author.id):
                await self.send_error(answer, str(error))
            return
        channel = message.channel.id
        work = self.handlers.on_text(
            answer, _context_of(message), message.author.id, line, lambda: self.find_latest_message(channel)
        )
        await self.respond(answer, work)

    async def on_guild_join(self, _: discord.Guild) -> None:
        """Count it."""
        await asyncio.to_thread(self.health.heartbeat, len(self.guilds))

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Forget a server that let the bot go. Discord says so of one that is merely away with another event."""
        await self._forget_guilds({guild.id})

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Forget a channel that is no more."""
        await self._run_in_store(self.store.forget_channel, channel.id)

    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        """Forget a thread that is no more."""
        await self._run_in_store(self.store.forget_channel, payload.thread_id)

    async def on_error(self, event_method: str, /, *_: Any, **__: Any) -> None:
        """Log a bug where no person waits for an answer."""
        log.error("in %s", event_method)
        error = sys.exc_info()[1] or RuntimeError()
        self.health.record_error(error)
        log_bug(error)

    async def close(self) -> None:
        """Cut the texts that are being written short, deliver what is owed, and leave as Discord wishes."""
        self.delivery.stop()
        if self.reply_tasks:
            await asyncio.wait(self.reply_tasks, timeout=SHUTDOWN_GRACE)
        for task in filter(None, (self._heartbeat_task, self._cleanup_task)):
            task.cancel()
        self.health.heartbeat(running=False)
        await super().close()

    def _addressed_text(self, message: discord.Message) -> str | None:
        """What a person says to the bot; None for everything else.

        ``User.mentioned_in`` would not do: to it @everyone is a mention of the bot.
        """
        assert self.user is not None
        ordinary = message.type in (discord.MessageType.default, discord.MessageType.reply)
        if not ordinary or message.author.bot or message.webhook_id:
            return None
        if isinstance(message.channel, discord.DMChannel):
            return _without_mention(message.content, self.user.id) or None
        if message.guild is None or not self._is_listed(
            message.channel
        ):  # a server that is away is not a direct message
            return None
        if not any(user.id == self.user.id for user in message.mentions):
            return None
        return _without_mention(message.content, self.user.id)

    def _is_listed(self, channel: Any) -> bool:
        """Whether mentions are answered in a channel, or in the channel that a thread belongs to."""
        listed = self.options.channels
        return not listed or channel.id in listed or getattr(channel, "parent_id", None) in listed

    def _owns_store(self) -> bool:
        """Whether the file is this application's: another one, on trial maybe, knows none of its servers."""
        mine, kept = str(self.application_id), self.store.get_meta("application")
        if not kept:
            self.store.set_meta("application", mine)
        elif kept != mine:
            log.warning("the file was made by application %s: what it keeps of servers stays", kept)
        return kept in ("", mine)

    def _departed_guilds(self) -> set[int]:
        """Servers that something is kept for and that have let the bot go while it was away."""
        count = self.shard_count or 1
        mine = set(self.shard_ids) if isinstance(self, discord.AutoShardedClient) and self.shard_ids else range(count)
        kept = {guild for guild in self.store.guild_ids() if (guild >> 22) % count in mine}
        return kept - {guild.id for guild in self.guilds}

    async def _forget_guilds(self, guilds: set[int]) -> None:
        for guild in guilds:
            await self._run_in_store(self.store.forget_guild, guild)
        await asyncio.to_thread(self.health.heartbeat, len(self.guilds))

    async def _forget_deleted_channels(self) -> None:
        """Forget channels that were deleted while the bot was away. Of threads Discord names the active ones only: for
        the others it is asked."""
        for guild in [guild for guild in self.guilds if not guild.unavailable]:
            for channel in await self._run_in_store(self.store.channel_ids, guild.id) or ():
                if not guild.get_channel_or_thread(channel) and await self._is_deleted(channel):
                    await self._run_in_store(self.store.forget_channel, channel)

    async def _is_deleted(self, channel: int) -> bool:
        try:
            await self.fetch_channel(channel)
        except discord.NotFound:
            return True
        except DELIVERY_ERRORS:
            log.info("whether channel %s is still there is not known", channel)
        return False

    async def _run_in_store(self, operation: Callable[[int], Kept], number: int) -> Kept | None:
        """What the file does for a number; None where it cannot, which is logged."""
        try:
            return await asyncio.to_thread(operation, number)
        except StorageError as error:
            self.health.record_error(error)
            log.error("%s", error)
            return None

    async def _send_heartbeats(self) -> None:
        """Tell the file again and again that the bot lives."""
        while True:
            await asyncio.to_thread(self.health.heartbeat, len(self.guilds))
            await asyncio.sleep(health.HEARTBEAT_INTERVAL)

    def _example_channel(self) -> str:
        """A channel to try it in."""
        for guild in self.guilds:
            for channel in guild.text_channels:
                return f"#{channel.name}"
        return "a channel"


class ShardedBot(Bot, discord.AutoShardedClient):
    """The same over several connections: as many as Discord advises, or those that ``shard_ids`` names."""


def build_bot(service: TextService, options: Options, **more: Any) -> Bot:
    """The bot for these options."""
    more["proxy"] = options.proxy or None
    if options.shard_ids:
        return ShardedBot(service, options, shard_ids=list(options.shard_ids), shard_count=options.shard_count, **more)
    return (ShardedBot if options.shards == "auto" else Bot)(service, options, **more)


async def serve(bot: Bot, token: str) -> None:
    """Run ``bot`` until this task is cancelled, which is the way to stop it: Discord then sees it go at once.

    Closing the client from another task would end the connection with a code that keeps the bot shown as online.
    """
    with contextlib.closing(bot.service):
        async with bot:
            await bot.start(token)


def _context_of(message: discord.Message) -> ChannelContext:
    """Where a message stands, and what its author may do there."""
    if message.guild is None or not isinstance(message.author, discord.Member):
        return ChannelContext(message.channel.id, None)
    may = message.channel.permissions_for(message.author)
    return ChannelContext(message.channel.id, message.guild.id, may.manage_channels, may.manage_guild)


def _without_mention(content: str, user: int) -> str:
    return re.sub(rf"<@!?{user}>", "", content).strip()
