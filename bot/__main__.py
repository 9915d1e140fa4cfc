"""``python -m bot`` from the checkout, and ``python -m afterglow.bot``: the same as ``afterglow bot``."""

from __future__ import annotations

import sys

import click
from afterglow.bot.cli import bot
from afterglow.core.errors import AfterglowError


def main() -> None:
    """Run the bot; exit codes are the command line's: 1 for what went wrong, 2 for wrong usage."""
    try:
        bot.main(prog_name="python -m bot", standalone_mode=False)
    except AfterglowError as error:
        _fail(str(error), error.exit_code)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)


def _fail(message: str, code: int) -> None:
    print(f"afterglow: {message}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
