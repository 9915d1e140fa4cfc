"""The commands of ``afterglow bot``: run the bot, check that it can start, show its status."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator

import aiohttp
import discord

from ..core.errors import AfterglowError, UsageError
from ..core.model import load
from .client import build_bot, serve
from .config import Options
from .credentials import LOGIN_HELP, token_from_environment
from .health import report
from .log_file import log_to
from .store import Store
from .writer import TextService

log = logging.getLogger("afterglow.bot")

_AUTHENTICATION_FAILED = 4004
_SHARDING_REQUIRED = 4011
"""Codes with which Discord closes a connection."""


def run(options: Options) -> None:
    """Serve until SIGINT or SIGTERM. Raises AfterglowError, one line that never contains the token."""
    token = token_from_environment()
    model = load(options.model)
    with (
        contextlib.closing(Store(options.data_path)) as store,
        log_to(options.data_path.with_suffix(".log")),
        _translate_errors(),
    ):
        asyncio.run(_serve_until_signal(TextService(model, store, blocked_words=options.blocklist), options, token))


def check(options: Options) -> list[tuple[str, str]]:
    """Check the token, the model and the data file. Return (thing, error) pairs; the error is "" if there is none."""
    return [
        ("token", _error_of(token_from_environment)),
        (f"model {options.model}", _error_of(lambda: load(options.model))),
        (f"data file {options.data_path}", _error_of(lambda: Store(options.data_path).close())),
    ]


def status(options: Options) -> list[str]:
    """Return lines on uptime, servers and the last error, read from the data file."""
    if not options.data_path.exists():
        return [f"the bot has not run yet: {options.data_path} does not exist"]
    with contextlib.closing(Store(options.data_path)) as store:
        return list(report(store))


def _error_of(attempt: Callable[[], object]) -> str:
    """Return the message of the AfterglowError that a call raises, "" if it raises none."""
    try:
        attempt()
    except AfterglowError as error:
        return str(error)
    return ""


async def _serve_until_signal(service: TextService, options: Options, token: str) -> None:
    """Run the bot until SIGINT or SIGTERM. An error that ends it is recorded for ``afterglow bot status``."""
    bot = build_bot(service, options)
    serving = asyncio.ensure_future(serve(bot, token))
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # On Windows Ctrl-C raises KeyboardInterrupt instead.
            asyncio.get_running_loop().add_signal_handler(signal_number, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        log.info("stopped")
    except BaseException as error:
        bot.responder.health.record_error(error)
        bot.responder.health.heartbeat(running=False)
        raise


@contextlib.contextmanager
def _translate_errors() -> Iterator[None]:
    """Turn errors of Discord and the network into AfterglowError, and those that a restart cannot fix into UsageError.

    The exit code of UsageError tells a service manager not to restart the bot: Discord bans addresses that keep trying.
    """
    try:
        yield
    except discord.LoginFailure:
        raise UsageError(f"Discord does not accept the bot's token: {LOGIN_HELP}") from None
    except discord.PrivilegedIntentsRequired:
        raise UsageError(
            "Discord refuses the intents; allow them at https://discord.com/developers/applications"
        ) from None
    except discord.ConnectionClosed as error:
        raise _closed_error(error.code) from None
    except discord.HTTPException as error:
        if error.status == 401:
            raise _closed_error(_AUTHENTICATION_FAILED) from None
        raise AfterglowError(f"Discord answered {error.status}, code {error.code}; try again later") from None
    except (OSError, aiohttp.ClientError, discord.DiscordException) as error:
        raise AfterglowError(f"cannot reach Discord ({type(error).__name__}); check the network and --proxy") from None


def _closed_error(code: int) -> AfterglowError:
    """Return the error for a connection that Discord closed, by Discord's close code."""
    if code == _AUTHENTICATION_FAILED:
        return UsageError(f"Discord no longer accepts the bot's token: {LOGIN_HELP}")
    if code == _SHARDING_REQUIRED:
        return UsageError("the bot is in too many servers for one connection; start it with --shards auto")
    return AfterglowError(f"Discord closed the connection, code {code}; start the bot again")
