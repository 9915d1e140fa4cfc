"""The flags by which the commands that read a text are told how, and the question about a guessed encoding."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import click

from ...core.command_line import echo

if TYPE_CHECKING:
    from ...core.text.formats import ReadOptions

Returned = TypeVar("Returned")

MAX_ASKED = 5
"""Files that are shown with a question."""


class ReadingFlags(NamedTuple):
    """The flags ``--encoding``, ``--as`` and ``--author``. None was not given."""

    encoding: str | None = None
    reader: str | None = None
    author: str | None = None

    def apply(self, options: ReadOptions) -> ReadOptions:
        """Return ``options`` with the values that were given."""
        from dataclasses import replace

        return replace(options, **{name: value for name, value in self._asdict().items() if value is not None})


def reading_flags(default: str) -> Callable[[Callable[..., Returned]], Callable[..., Returned]]:
    """Return a decorator that adds the flags to a command, which takes ``flags``. ``default`` is for the help."""

    def decorate(function: Callable[..., Returned]) -> Callable[..., Returned]:
        @click.option("--encoding", metavar="NAME", help=f"encoding of the text, auto to guess it (default: {default})")
        @click.option(
            "--as", "reader", metavar="FORMAT", help="format of the text (default: recognized; plain: as it is)"
        )
        @click.option("--author", metavar="NAME", help="whose messages to read; several with commas between them")
        @wraps(function)
        def command(
            *args: object, encoding: str | None, reader: str | None, author: str | None, **values: object
        ) -> Returned:
            return function(*args, flags=ReadingFlags(encoding, reader, author), **values)

        return command

    return decorate


def ask_for_encoding(paths: Sequence[str], options: ReadOptions) -> str:
    """Return the encoding of ``options``, or "auto" if files are not in it and the user takes the guesses.

    Only on a terminal, and only if no encoding was chosen.
    """
    from ...core.text.encoding import GUESSED, describe_guess
    from ...core.text.files import is_stream, open_sources
    from ...core.text.formats import guess_encodings

    if options.encoding != "utf-8" or any(map(is_stream, paths)) or not _is_asked():
        return options.encoding
    guesses = guess_encodings(open_sources(paths), options)
    for source, guess in guesses[:MAX_ASKED]:
        echo(f"{source.name} is not UTF-8; it looks like {describe_guess(guess)}", err=True)
    if len(guesses) > MAX_ASKED:
        echo(f"and {len(guesses) - MAX_ASKED:,} more files", err=True)
    return GUESSED if guesses and click.confirm("read it so?", err=True) else options.encoding


def _is_asked() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
