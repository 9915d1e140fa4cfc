"""Run a click command as a program that reports an error in one line and by its exit code."""

from __future__ import annotations

import sys

import click

from .errors import AfterglowError


def run_command(command: click.Command, program: str | None = None) -> None:
    """Run ``command`` on the process's arguments. ``program`` is the name shown in its help.

    An AfterglowError or a click error is printed to standard error as one line, and the process exits with its code:
    1 for a failure, 2 for wrong usage.
    """
    try:
        command.main(prog_name=program, standalone_mode=False)
    except AfterglowError as error:
        _exit(str(error), error.exit_code)
    except click.ClickException as error:
        _exit(error.format_message(), error.exit_code)


def _exit(message: str, code: int) -> None:
    print(f"afterglow: {message}", file=sys.stderr)
    sys.exit(code)
