"""The REPL when its input is no terminal: lines as a script would send them, plain text out."""

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
    """What is piped in, line by line, as UTF-8 whatever the locale; raises TextError where it is not."""
    for number, line in enumerate(sys.stdin.buffer if sys.stdin else (), 1):
        try:
            yield line.decode().replace("\r\n", "\n")
        except UnicodeDecodeError:
            raise TextError(f"line {number} of standard input is not UTF-8; iconv -f latin1 makes it so") from None


def run_script(session: Session, lines: Iterable[str], out: TextIO) -> int:
    """Do every line until the end of the input or /quit; text goes to ``out``, notes and mistakes to standard error.

    A mistake does not end the script. Returns the exit code: that of the first mistake, else 0.
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
            print("afterglow: there is no editor without a terminal", file=sys.stderr)
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
