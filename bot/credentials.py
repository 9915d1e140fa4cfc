"""Reads the bot's token from the environment."""

from __future__ import annotations

import os
from pathlib import Path

from ..core.errors import UsageError, error_text

LOGIN_HELP = (
    "create an application at https://discord.com/developers/applications, copy its bot's token into a file, "
    "and set DISCORD_TOKEN_FILE to the file's path (or DISCORD_TOKEN to the token)"
)


def token_from_environment() -> str:
    """Return DISCORD_TOKEN, or the text of the file that DISCORD_TOKEN_FILE names.

    Raises UsageError if neither is set, the file cannot be read, or the token has characters that no token has.
    """
    token = os.environ.get("DISCORD_TOKEN", "").strip()
    file = os.environ.get("DISCORD_TOKEN_FILE", "")
    if not token and file:
        token = _read_token_file(Path(file)).strip()
    if not token:
        raise UsageError(f"the bot has no token: {LOGIN_HELP}")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(f"the bot's token contains characters that no token has: {LOGIN_HELP}")
    return token


def _read_token_file(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{path}, named by DISCORD_TOKEN_FILE, is not a text file") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}, named by DISCORD_TOKEN_FILE: {error_text(error)}") from None
