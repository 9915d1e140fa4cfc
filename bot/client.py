"""The Discord client. Passes requests to its responder, and deletes the data of servers and channels that are gone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import sys
from collections.abc import Callable, Container
from typing import Any, TypeVar

import discord

from ..core.command_line import echo
from ..core.errors import StorageError
from . import commands, health
from .buttons import BUTTON_TYPES
from .config import Options
from .delivery import EDIT_INTERVAL
from .replies import DELIVERY_ERRORS
from .responder import PLACEHOLDER_DELAY, Responder, log_bug
from .writer import TextService

log = logging.getLogger("afterglow.bot")

T = TypeVar("T")


class Bot(discord.Client):
    """Receives slash commands, buttons, mentions and direct messages. Reads no other messages and never pings.

    ``placeholder_delay`` and ``edit_interval`` are seconds. Other arguments are those of ``discord.Client``.
    """

    def __init__(
        self,
        service: TextService,
        options: Options,
        *,
        placeholder_delay: float = PLACEHOLDER_DELAY,
        edit_interval: float = EDIT_INTERVAL,
        **client_options: Any,
    ) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True, guild_messages=True, dm_messages=True),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_messages=None,
            chunk_guilds_at_startup=False,
            **client_options,
        )
        self.service = service
        self.store = service.store
        self.responder = Responder(service, options, placeholder_delay, edit_interval)
        self.tree = commands.build_tree(self)
        self._listed_channels = options.channels
        self.invitation_printed = False
        """True once the link that adds the bot to a server has been printed."""
        self._heartbeat_task: asyncio.Task[None] | None = None
        self._cleanup_task: asyncio.Task[None] | None = None

    async def setup_hook(self) -> None:
        """Register buttons and commands before the connection is made."""
        self.add_dynamic_items(*BUTTON_TYPES)
        changed = await commands.register(self.tree, self.application_id or 0, self.store)
        log.info("commands registered" if changed else "commands unchanged")
        self._heartbeat_task = asyncio.create_task(self._send_heartbeats())

    async def on_ready(self) -> None:
        """Delete the data of servers and channels that are gone. The first time, print how to invite the bot.

        Discord can send this event repeatedly.
        """
        log.info("ready, in %d servers", len(self.guilds))
        await self._forget_guilds(self._departed_guilds() if await asyncio.to_thread(self._owns_store) else set())
        if not self.invitation_printed:
            self.invitation_printed = True
            echo(f"invite the bot: {self.invite_url}")
            echo(f"try /say in {self._example_channel()}")
        if not self.is_closed() and (self._cleanup_task is None or self._cleanup_task.done()):
            self._cleanup_task = asyncio.create_task(self._forget_deleted_channels())

    @property
    def invite_url(self) -> str:
        """Link that adds the bot to a server, with the four permissions that it uses."""
        permissions = discord.Permissions(
            view_channel=True, send_messages=True, send_messages_in_threads=True, read_message_history=True
        )
        return discord.utils.oauth_url(
            self.application_id or 0, permissions=permissions, scopes=("bot", "applications.commands")
        )

    async def on_message(self, message: discord.Message) -> None:
        """Answer a mention or a direct message."""
        line = self._addressed_text(message)
        if line is not None:
            await self.responder.on_message(self, message, line)

    async def on_guild_join(self, _: discord.Guild) -> None:
        """Update the number of servers that ``afterglow bot status`` shows."""
        await asyncio.to_thread(self.responder.health.heartbeat, len(self.guilds))

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Delete what is stored for a server that removed the bot. (A server outage is another event.)"""
        await self._forget_guilds({guild.id})

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Delete what is stored for a deleted channel."""
        await self._run_in_store(self.store.forget_channel, channel.id)

    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        """Delete what is stored for a deleted thread."""
        await self._run_in_store(self.store.forget_channel, payload.thread_id)

    async def on_error(self, event_method: str, /, *_: Any, **__: Any) -> None:
        """Log an exception in an event handler."""
        log.error("in %s", event_method)
        error = sys.exc_info()[1] or RuntimeError()
        self.responder.health.record_error(error)
        log_bug(error)

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Call the handlers of an event. After closing, do nothing.

        The library's wait for the servers of a new session goes on while it closes, and then reports it as ready.
        """
        if not self.is_closed():
            super().dispatch(event, *args, **kwargs)

    async def close(self) -> None:
        """Stop all texts, deliver what was written, then disconnect."""
        await self.responder.close()
        for task in filter(None, (self._heartbeat_task, self._cleanup_task)):
            task.cancel()
        self.responder.health.heartbeat(running=False)
        await super().close()

    def _addressed_text(self, message: discord.Message) -> str | None:
        """Return the text of a message that a person wrote to the bot, without the mention. None for any other message.

        ``User.mentioned_in`` is not used because it counts @everyone as a mention of the bot.
        """
        if self.user is None or message.author.bot or message.webhook_id:
            return None
        if message.type not in (discord.MessageType.default, discord.MessageType.reply):
            return None
        text = re.sub(rf"<@!?{self.user.id}>", "", message.content).strip()
        if isinstance(message.channel, discord.DMChannel):
            return text or None
        # Without a guild the message is from a server in an outage.
        if message.guild is None or not self._is_listed(message.channel):
            return None
        return text if any(user.id == self.user.id for user in message.mentions) else None

    def _is_listed(self, channel: discord.abc.MessageableChannel) -> bool:
        """True if mentions are answered in a channel, or in the channel that a thread belongs to."""
        listed = self._listed_channels
        return not listed or channel.id in listed or getattr(channel, "parent_id", None) in listed

    def _owns_store(self) -> bool:
        """True if the data file belongs to this Discord application. A file that belongs to none is claimed for it.

        If it belongs to another (this is a test bot, say), the stored servers must not be deleted.
        """
        application = str(self.application_id)
        owner = self.store.get_meta("application")
        if not owner:
            self.store.set_meta("application", application)
        elif owner != application:
            log.warning("the data file belongs to application %s; its servers are kept", owner)
        return owner in ("", application)

    def _departed_guilds(self) -> set[int]:
        """Return the stored servers of this process's shards that removed the bot while it was offline."""
        count = self.shard_count or 1
        own_shards: Container[int] = range(count)
        if isinstance(self, discord.AutoShardedClient) and self.shard_ids:
            own_shards = self.shard_ids
        # Discord assigns a server to a shard by these bits of its id.
        stored = {guild for guild in self.store.guild_ids() if (guild >> 22) % count in own_shards}
        return stored - {guild.id for guild in self.guilds}

    async def _forget_guilds(self, guilds: set[int]) -> None:
        """Delete what is stored for these servers, and record the number of servers that are left."""
        for guild in guilds:
            await self._run_in_store(self.store.forget_guild, guild)
        await asyncio.to_thread(self.responder.health.heartbeat, len(self.guilds))

    async def _forget_deleted_channels(self) -> None:
        """Delete what is stored for channels that were deleted while the bot was offline."""
        for guild in [guild for guild in self.guilds if not guild.unavailable]:
            for channel in await self._run_in_store(self.store.channel_ids, guild.id) or ():
                # Archived threads are not in the cache, so ask Discord.
                if not guild.get_channel_or_thread(channel) and await self._is_deleted(channel):
                    await self._run_in_store(self.store.forget_channel, channel)

    async def _is_deleted(self, channel: int) -> bool:
        try:
            await self.fetch_channel(channel)
        except discord.NotFound:
            return True
        except DELIVERY_ERRORS:
            log.info("cannot find out if channel %s still exists", channel)
        return False

    async def _run_in_store(self, operation: Callable[[int], T], id_: int) -> T | None:
        """Call a method of the store with an id, on a thread. Return None, and log the error, if it fails."""
        try:
            return await asyncio.to_thread(operation, id_)
        except StorageError as error:
            self.responder.health.record_error(error)
            log.error("%s", error)
            return None

    async def _send_heartbeats(self) -> None:
        while True:
            await asyncio.to_thread(self.responder.health.heartbeat, len(self.guilds))
            await asyncio.sleep(health.HEARTBEAT_INTERVAL)

    def _example_channel(self) -> str:
        """Return the name of a channel to try the bot in."""
        for guild in self.guilds:
            for channel in guild.text_channels:
                return f"#{channel.name}"
        return "a channel"


class ShardedBot(Bot, discord.AutoShardedClient):
    """A bot with several connections: as many as Discord recommends, or those in ``shard_ids``."""


def build_bot(service: TextService, options: Options, **more: Any) -> Bot:
    """Return the bot for ``options``, sharded if they ask for it. ``more`` are further arguments of ``Bot``."""
    more["proxy"] = options.proxy or None
    if options.shard_ids:
        return ShardedBot(service, options, shard_ids=list(options.shard_ids), shard_count=options.shard_count, **more)
    return (ShardedBot if options.shards == "auto" else Bot)(service, options, **more)


async def serve(bot: Bot, token: str) -> None:
    """Run ``bot`` until this task is cancelled. Discord then shows it as offline at once.

    Closing the client from another task would end the connection with a code that keeps the bot shown as online.
    """
    with contextlib.closing(bot.service):
        async with bot:
            await bot.start(token)
