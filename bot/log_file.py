"""The bot's log on standard error and in a private, rotating file. It contains no passwords and no messages."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

import discord

from ..core.command_line import LineFormatter
from ..core.file_io import private_file

LOG_BYTES = 1_000_000
"""Bytes in a log file after which a new one is begun."""

LOG_BACKUPS = 3
"""Number of older log files that are kept."""


class PrivateLog(RotatingFileHandler):
    """A rotating log whose files only their owner can read."""

    def _open(self) -> TextIOWrapper:
        private_file(Path(self.baseFilename))
        return super()._open()


class RedactingFormatter(LineFormatter):
    """Removes user names and passwords from URLs, which errors of a proxy contain."""

    def format(self, record: logging.LogRecord) -> str:
        return re.sub(r"(?<=://)[^/@\s]*@", "", super().format(record))


@contextlib.contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Log to standard error and to ``path``. The level is INFO, because at DEBUG discord.py logs what people write."""
    # Without the voice libraries, which the bot does not use, discord.py would warn.
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    file = PrivateLog(path, maxBytes=LOG_BYTES, backupCount=LOG_BACKUPS, encoding="utf-8")
    with contextlib.closing(file), contextlib.ExitStack() as removals:
        for handler in (logging.StreamHandler(), file):
            handler.setFormatter(RedactingFormatter("{asctime} {levelname} {name}: {message}", style="{"))
            for logger in (logging.getLogger("discord"), logging.getLogger("afterglow.bot")):
                logger.setLevel(logging.INFO)
                logger.addHandler(handler)
                removals.callback(logger.removeHandler, handler)
        yield
