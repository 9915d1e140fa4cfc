"""Reads the bot's token from the environment."""

from __future__ import annotations

from ..core.errors import UsageError
from ..core.secret_variables import read_secret

LOGIN_HELP = (
    "create an application at https://discord.com/developers/applications, copy its bot's token into a file, "
    "and set DISCORD_TOKEN_FILE to the file's path (or DISCORD_TOKEN to the token)"
)


def token_from_environment() -> str:
    """Return DISCORD_TOKEN, or the text of the file that DISCORD_TOKEN_FILE names.

    Raises UsageError if neither is set, the file cannot be read, or the token has characters that no token has.
    """
    token = read_secret("DISCORD_TOKEN")
    if not token:
        raise UsageError(f"the bot has no token: {LOGIN_HELP}")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(f"the bot's token contains characters that no token has: {LOGIN_HELP}")
    return token
