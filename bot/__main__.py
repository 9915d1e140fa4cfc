"""Run ``afterglow bot`` as ``python -m afterglow.bot``, or as ``python -m bot`` from a checkout."""

from __future__ import annotations

from afterglow.bot.cli import bot
from afterglow.core.command_line import run_command


def main() -> None:
    """Run the bot's command line. Exit codes: 1 for a failure, 2 for wrong usage."""
    run_command(bot, "python -m bot")


if __name__ == "__main__":
    main()
