"""The bot as a process: its token, its log, how it begins and ends, and what its owner can ask of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
from collections.abc import Callable, Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import aiohttp
import discord

from ..core.errors import AfterglowError, UsageError, error_text
from ..core.file_io import private_file
from ..core.model import load
from .client import Bot, build_bot, serve
from .config import Options
from .health import report
from .store import Store
from .writer import TextService

log = logging.getLogger("afterglow.bot")

LOG_BYTES, LOG_BACKUPS = 1_000_000, 3
"""The log's size, and how many older ones are kept."""

LOGIN_HELP = (
    "make an application at https://discord.com/developers/applications, copy its bot's token, and set DISCORD_TOKEN "
    "to it (or DISCORD_TOKEN_FILE to the name of a file that holds it)"
)


def run(options: Options) -> None:
    """Serve until SIGINT or SIGTERM. Raises AfterglowError, one line that never holds the token."""
    token = token_from_environment()
    model = load(options.model)
    with (
        contextlib.closing(Store(options.data_path)) as store,
        _log_to(options.data_path.with_suffix(".log")),
        _translate_errors(),
    ):
        asyncio.run(_run_until_signal(TextService(model, store, blocked_words=options.blocklist), options, token))


def check(options: Options) -> list[tuple[str, str]]:
    """What the bot needs, before it connects: (thing, what is wrong with it or "")."""

    def open_store() -> None:
        Store(options.data_path).close()

    return [
        ("token", _error_of(token_from_environment)),
        (f"model {options.model}", _error_of(lambda: load(options.model))),
        (f"data file {options.data_path}", _error_of(open_store)),
    ]


def status(options: Options) -> list[str]:
    """How the bot fares, from its file."""
    if not options.data_path.exists():
        return [f"the bot has not run yet: there is no {options.data_path}"]
    with contextlib.closing(Store(options.data_path)) as store:
        return list(report(store))


def token_from_environment() -> str:
    """DISCORD_TOKEN, or what the file says that DISCORD_TOKEN_FILE names; raises UsageError where there is none."""
    token, file = os.environ.get("DISCORD_TOKEN", ""), os.environ.get("DISCORD_TOKEN_FILE", "")
    if not token.strip() and file:
        token = _read_token_file(Path(file))
    token = token.strip()
    if not token:
        raise UsageError(f"the bot has no token: {LOGIN_HELP}")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(f"what is set as the token cannot be one: {LOGIN_HELP}")
    return token


def _read_token_file(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path}, named by DISCORD_TOKEN_FILE, is not text") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}, named by DISCORD_TOKEN_FILE: {error_text(error)}") from None


def _error_of(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except AfterglowError as error:
        return str(error)
    return ""


async def _run_until_signal(service: TextService, options: Options, token: str) -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    bot: Bot = build_bot(service, options)
    try:
        await serve(bot, token)
    except asyncio.CancelledError:
        log.info("stopped")
    except BaseException as error:
        bot.health.record_error(error)
        bot.health.heartbeat(running=False)
        raise


class PrivateLog(RotatingFileHandler):
    """A log whose every file is its owner's alone."""

    def _open(self) -> Any:
        private_file(Path(self.baseFilename))
        return super()._open()


class RedactingFormatter(logging.Formatter):
    """Leaves names and passwords out of addresses: an error of a proxy holds them."""

    def format(self, record: logging.LogRecord) -> str:
        return re.sub(r"(?<=://)[^/@\s]*@", "", super().format(record))


@contextlib.contextmanager
def _log_to(path: Path) -> Iterator[None]:
    """Log to standard error and to a file that does not grow. Below INFO discord.py would log what people write."""
    file = PrivateLog(path, maxBytes=LOG_BYTES, backupCount=LOG_BACKUPS, encoding="utf-8")
    handlers: list[logging.Handler] = [logging.StreamHandler(), file]
    loggers = [logging.getLogger("discord"), log]
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    for handler in handlers:
        handler.setFormatter(RedactingFormatter("{asctime} {levelname} {name}: {message}", style="{"))
    for logger in loggers:
        logger.setLevel(logging.INFO)
        for handler in handlers:
            logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            for handler in handlers:
                logger.removeHandler(handler)
        file.close()


@contextlib.contextmanager
def _translate_errors() -> Iterator[None]:
    """Discord's refusals and the network's failures as AfterglowError. What starting again cannot mend is a
    UsageError: a service must not try it again and again, or Discord bans its address.
    """
    try:
        yield
    except discord.LoginFailure:
        raise UsageError(f"Discord does not know the bot's token: {LOGIN_HELP}") from None
    except discord.PrivilegedIntentsRequired:
        raise UsageError(
            "Discord refuses the intents; allow them at https://discord.com/developers/applications"
        ) from None
    except discord.ConnectionClosed as error:
        raise _closed_error(error.code) from None
    except discord.HTTPException as error:
        if error.status == 401:
            raise _closed_error(4004) from None
        raise AfterglowError(f"Discord answered {error.status}, code {error.code}; try again later") from None
    except (OSError, aiohttp.ClientError, discord.DiscordException) as error:
        raise AfterglowError(f"cannot reach Discord ({type(error).__name__}); check the network and --proxy") from None


def _closed_error(code: int) -> AfterglowError:
    if code == 4004:
        return UsageError(f"Discord does not know the bot's token any more: {LOGIN_HELP}")
    if code == 4011:
        return UsageError("the bot is in too many servers for one connection; start it with --shards auto")
    return AfterglowError(f"Discord closed the connection, code {code}; start the bot again")
