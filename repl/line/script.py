"""The front end if standard input is not a terminal: executes the lines of a script, and writes plain text."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TextIO

from ...core.commands.effects import Compare, Edit, Effect, Listing, Play, Quit, Redraw
from ...core.commands.registry import dispatch
from ...core.errors import AfterglowError, TextError
from ...core.events import Notice, PrefillProgress
from ...core.render.sanitize import escape_controls
from ...core.session.session import Session


def read_stdin_lines() -> Iterator[str]:
    """Yield the lines of standard input, decoded as UTF-8 in any locale. Raise TextError at one that is not UTF-8."""
    for number, line in enumerate(sys.stdin.buffer if sys.stdin else (), 1):
        try:
            yield line.decode().replace("\r\n", "\n")
        except UnicodeDecodeError:
            raise TextError(f"line {number} of standard input is not UTF-8; convert it with iconv -f latin1") from None


def run_script(session: Session, lines: Iterable[str], out: TextIO) -> int:
    """Execute lines until they end or one is /quit. Text goes to ``out``, notes and errors to standard error.

    An error does not end the script. Return the exit code of the first error, 0 if there was none.
    """
    code = 0
    for line in lines:
        try:
            for effect in dispatch(session, line.rstrip("\n")):
                if isinstance(effect, Quit):
                    return code
                _show_effect(effect, out)
        except AfterglowError as error:
            print(f"afterglow: {error}", file=sys.stderr)
            code = code or error.exit_code
    return code


def _show_effect(effect: Effect, out: TextIO) -> None:
    match effect:
        case Play() | Compare():
            for play in effect.plays:
                _play(play, out)
        case Notice(text):
            print(text, file=sys.stderr)
        case Listing(title):
            print("\n".join([title, *(f"  {line}" for line in effect.lines())]), file=out, flush=True)
        case Edit():
            print("afterglow: /edit needs a terminal", file=sys.stderr)
        case Redraw(text) if text:
            print(text, file=sys.stderr)


def _play(play: Play, out: TextIO) -> None:
    if play.title:
        print(escape_controls(play.title), file=out)
    for event in play.events:
        if isinstance(event, Notice):
            print(event.text, file=sys.stderr)
        elif not isinstance(event, PrefillProgress) and event.text:
            out.write(escape_controls(event.text) if out.isatty() else event.text)
            out.flush()
    print(file=out, flush=True)
