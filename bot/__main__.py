"""``python -m bot`` from the checkout, and ``python -m afterglow.bot``: the same as ``afterglow bot``."""

from __future__ import annotations

import argparse
import os
import sys

from afterglow.core.errors import AfterglowError, MissingExtraError
from afterglow.core.library import DEFAULT_MODEL


def main() -> None:
    """Run the bot; exit codes are the command line's: 1 for what went wrong, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m bot", description="Serve a Discord bot.")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a model's name or path")
    parser.add_argument("--proxy", default=os.environ.get("DISCORD_PROXY"), help="an HTTP proxy for Discord")
    wishes = parser.parse_args()
    try:
        _run(wishes.model, wishes.proxy)
    except AfterglowError as error:
        print(f"afterglow: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _run(model: str, proxy: str | None) -> None:
    try:
        from afterglow.bot.client import run_bot
    except ImportError as error:
        raise MissingExtraError("the bot needs discord.py: pip install 'afterglow[bot]'") from error
    run_bot(model, proxy)


if __name__ == "__main__":
    main()
