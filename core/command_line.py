"""The way to a terminal for the command line: lines, JSON, written text, errors, warnings and logs."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable

import click

from .errors import AfterglowError
from .sanitize import escape_controls, escape_line, one_line


def echo(line: str, err: bool = False, whole: bool = False) -> None:
    """Print one line to standard output, or to standard error, with control characters and newlines shown.

    A long line is cut unless ``whole``, which is for commands to copy.
    """
    click.echo(escape_line(line) if whole else one_line(line), err=err)


def echo_notice(message: str) -> None:
    """Print a notice or an error to standard error, as one line that begins with the program's name."""
    echo(f"afterglow: {message}", err=True)


def echo_json(value: object) -> None:
    """Print JSON as one line of ASCII, the deletion character escaped as well."""
    import json  # not at start-up: --help needs none

    click.echo(json.dumps(value).replace("\x7f", "\\u007f"))


def text_writer() -> Callable[[str], None]:
    """Return a function that writes text to standard output at once.

    On a terminal control characters are shown. A file or a pipe gets the text unchanged.
    """
    out = sys.stdout
    escape = escape_controls if out.isatty() else str

    def write(text: str) -> None:
        out.write(escape(text))
        out.flush()

    return write


class LineFormatter(logging.Formatter):
    """Formats a record as one line, followed by the lines of a traceback. Control characters are shown."""

    def format(self, record: logging.LogRecord) -> str:
        shown = logging.makeLogRecord(record.__dict__ | {"msg": one_line(record.getMessage()), "args": None})
        return escape_controls(super().format(shown))


def open_closed_streams() -> None:
    """Give the process a standard output and a standard error that lead nowhere if it was started without them."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115


def run_command(command: click.Command, program: str | None = None) -> None:
    """Run ``command`` on the process's arguments. ``program`` is the name shown in its help.

    An AfterglowError or a click error is printed to standard error as one line, and the process exits with its code:
    1 for a failure, 2 for wrong usage.
    """
    open_closed_streams()
    _format_warnings()
    try:
        command.main(prog_name=program, standalone_mode=False)
    except AfterglowError as error:
        _exit(str(error), error.exit_code)
    except click.ClickException as error:
        _exit(error.format_message().replace("\n\t", " "), error.exit_code)  # click lists choices on lines of their own


def _format_warnings() -> None:
    """Make Python's warnings, and log records that no handler takes, lines that are safe to print."""
    warnings.formatwarning = lambda message, *_, **__: f"{one_line(f'afterglow: {message}')}\n"
    if logging.lastResort:
        logging.lastResort.setFormatter(LineFormatter())


def _exit(message: str, code: int) -> None:
    echo_notice(message)
    sys.exit(code)
