"""The bot as Discord sees it: a client that hears slash commands, mentions and direct messages, and its process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import discord

from ..core.errors import AfterglowError, UsageError
from ..core.model import load
from ..core.paths import reason
from . import commands
from .store import Store, default_place
from .writer import Writer

log = logging.getLogger("afterglow.bot")

PATIENCE = 2.0
"""Seconds until a command that is still busy says so: Discord gives up on a silent one after three."""

GRACE = 3.0
"""Seconds that answers on their way get when the bot is told to stop."""

TO_GET_ONE = (
    "make an application at https://discord.com/developers/applications, copy its bot's token, and set DISCORD_TOKEN "
    "to it (or DISCORD_TOKEN_FILE to the name of a file that holds it)"
)


class Bot(commands.Host):
    """Answers in channels and direct messages. Pings nobody, reads no message but those addressed to it.

    ``patience`` is how many seconds a command may be silent; other options are discord.Client's.
    """

    def __init__(self, writer: Writer, store: Store, *, patience: float = PATIENCE, **options: Any) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True, guild_messages=True, dm_messages=True),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_messages=None,
            chunk_guilds_at_startup=False,
            **options,
        )
        self.writer, self.store, self.patience = writer, store, patience
        self.answers = set()
        self.tree = commands.tree(self)
        self._welcomed = False

    async def setup_hook(self) -> None:
        """Register the commands, once for each shape of them."""
        changed = await commands.register(self.tree, self.application_id or 0, self.store)
        log.info("commands registered" if changed else "commands unchanged")

    async def on_ready(self) -> None:
        """Say how to invite the bot; Discord may call a bot ready many times."""
        log.info("ready, in %d servers", len(self.guilds))
        if not self._welcomed:
            self._welcomed = True
            print(f"invite the bot: {self.invitation}\ntry /say in a channel", flush=True)

    @property
    def invitation(self) -> str:
        """Where a server's keeper lets the bot in, with the few permissions that it uses."""
        needed = discord.Permissions(
            view_channel=True, send_messages=True, send_messages_in_threads=True, read_message_history=True
        )
        return discord.utils.oauth_url(
            self.application_id or 0, permissions=needed, scopes=("bot", "applications.commands")
        )

    async def on_message(self, message: discord.Message) -> None:
        """A mention or a direct message is a seed, or a typed command."""
        line = self._addressed(message)
        if line is None:
            return
        with self.answering():
            await self._reply(message, line)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Forget a server that let the bot go."""
        self.store.forget_guild(guild.id)

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Forget a channel that is no more."""
        self.store.forget_channel(channel.id)

    async def on_error(self, event_method: str, /, *_: Any, **__: Any) -> None:
        """Log a bug where no person waits for an answer."""
        log.error("in %s", event_method)
        commands.log_bug(sys.exc_info()[1] or RuntimeError())

    async def close(self) -> None:
        """Cut the text that is being written short, deliver what is owed, and leave as Discord wishes."""
        self.writer.stop()
        if self.answers:
            await asyncio.wait(self.answers, timeout=GRACE)
        await super().close()

    def _addressed(self, message: discord.Message) -> str | None:
        """What a person says to the bot; None for everything else.

        ``User.mentioned_in`` would not do: to it @everyone is a mention of the bot.
        """
        assert self.user is not None
        ordinary = message.type in (discord.MessageType.default, discord.MessageType.reply)
        if not ordinary or message.author.bot or message.webhook_id:
            return None
        if isinstance(message.channel, discord.DMChannel):
            return _without_mention(message.content, self.user.id) or None
        if any(user.id == self.user.id for user in message.mentions):
            return _without_mention(message.content, self.user.id)
        return None

    async def _reply(self, message: discord.Message, line: str) -> None:
        guild = message.guild.id if message.guild else None
        try:
            content = await self._answer(message, guild, line)
            await message.reply(content, suppress_embeds=True)
            log.info("answered a message")
        except discord.HTTPException as problem:
            log.info("an answer could not be delivered: %s, code %s", problem.status, problem.code)

    async def _answer(self, message: discord.Message, guild: int | None, line: str) -> str:
        try:
            async with message.channel.typing():
                return await self.writer.answer(message.channel.id, guild, line)
        except discord.HTTPException:
            raise
        except Exception as error:
            return commands.told(error)


def _without_mention(content: str, user: int) -> str:
    return re.sub(rf"<@!?{user}>", "", content).strip()


def run_bot(model_name: str, proxy: str | None = None) -> None:
    """Serve until SIGINT or SIGTERM. Raises AfterglowError, one line that never holds the token."""
    token = token_from_environment()
    model = load(model_name)
    with contextlib.closing(Store(default_place())) as store, _logging(), _in_one_line():
        asyncio.run(_until_signal(Bot(Writer(model, store), store, proxy=proxy), token))


def token_from_environment() -> str:
    """DISCORD_TOKEN, or what the file says that DISCORD_TOKEN_FILE names; raises UsageError where there is none."""
    token, file = os.environ.get("DISCORD_TOKEN", ""), os.environ.get("DISCORD_TOKEN_FILE", "")
    if not token.strip() and file:
        token = _read(Path(file))
    token = token.strip()
    if not token:
        raise UsageError(f"the bot has no token: {TO_GET_ONE}")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(f"what is set as the token cannot be one: {TO_GET_ONE}")
    return token


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path}, named by DISCORD_TOKEN_FILE, is not text") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}, named by DISCORD_TOKEN_FILE: {reason(error)}") from None


async def serve(bot: Bot, token: str) -> None:
    """Run ``bot`` until this task is cancelled, which is the way to stop it: Discord then sees it go at once.

    Closing the client from another task would end the connection with a code that keeps the bot shown as online.
    """
    async with bot:
        await bot.start(token)


async def _until_signal(bot: Bot, token: str) -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await serve(bot, token)
    except asyncio.CancelledError:
        log.info("stopped")


@contextlib.contextmanager
def _logging() -> Iterator[None]:
    """Log to standard error while the bot runs. Below INFO discord.py would log what people write."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("{asctime} {levelname} {name}: {message}", style="{"))
    loggers = [logging.getLogger("discord"), log]
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    for logger in loggers:
        logger.setLevel(logging.INFO)
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


@contextlib.contextmanager
def _in_one_line() -> Iterator[None]:
    """Discord's refusals and the network's failures as AfterglowError."""
    try:
        yield
    except discord.LoginFailure:
        raise AfterglowError(f"Discord does not know the bot's token: {TO_GET_ONE}") from None
    except discord.PrivilegedIntentsRequired:
        raise AfterglowError(
            "Discord refuses the intents; allow them at https://discord.com/developers/applications"
        ) from None
    except discord.ConnectionClosed as error:
        raise AfterglowError(f"Discord closed the connection, code {error.code}; start the bot again") from None
    except discord.HTTPException as error:
        raise AfterglowError(f"Discord answered {error.status}, code {error.code}; try again later") from None
    except (OSError, aiohttp.ClientError, discord.DiscordException) as error:
        raise AfterglowError(f"cannot reach Discord ({type(error).__name__}); check the network and --proxy") from None
