"""The front end if standard input is not a terminal: executes the lines of a script, and writes plain text."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from ...core.command_line import echo, echo_notice, text_writer
from ...core.commands.effects import Ask, Compare, Copy, Edit, Effect, Find, Listing, Play, Quit, Redraw, Table
from ...core.commands.registry import dispatch
from ...core.errors import AfterglowError, TextError, UsageError
from ...core.events import Notice, PrefillProgress
from ...core.session.passage_tables import take_notices
from ...core.session.session import Session


def read_stdin_lines() -> Iterator[str]:
    """Yield the lines of standard input, decoded as UTF-8 in any locale. Raise TextError at one that is not UTF-8."""
    for number, line in enumerate(sys.stdin.buffer if sys.stdin else (), 1):
        try:
            yield line.decode().replace("\r\n", "\n")
        except UnicodeDecodeError:
            raise TextError(f"line {number} of standard input is not UTF-8; convert it with iconv -f latin1") from None


def run_script(session: Session, lines: Iterable[str]) -> int:
    """Execute lines until they end or one is /quit. Text goes to standard output, notes and errors to standard error.

    An error does not end the script. Return the exit code of the first error, 0 if there was none.
    """
    code = 0
    for line in lines:
        try:
            try:
                if _run_line(session, line.rstrip("\n")):
                    return code
            finally:
                session.listener.finish()  # so that a script writes the same texts each time
        except AfterglowError as error:
            echo_notice(str(error))
            code = code or error.exit_code
        for notice in take_notices():
            echo_notice(notice)
    return code


def _run_line(session: Session, line: str) -> bool:
    """Execute a line. Return True if it ends the script."""
    for effect in dispatch(session, line):
        if isinstance(effect, Quit):
            return True
        _show_effect(session, effect)
    return False


def _show_effect(session: Session, effect: Effect) -> None:
    match effect:
        case Play() | Compare():
            _play(session, effect.plays)
        case Notice(text):
            echo(text, err=True)
        case Redraw(text) if text:
            echo(text, err=True)
        case Listing():
            _print_listing(effect)
        case Table() | Find():
            for part in effect.plain:
                _show_effect(session, part)
        case Edit() | Ask() | Copy():
            _refuse(effect)


def _refuse(effect: Edit | Ask | Copy) -> None:
    """Raise UsageError: a script cannot answer, and has no clipboard."""
    if isinstance(effect, Edit):
        raise UsageError("/edit needs a terminal")
    if isinstance(effect, Copy):
        raise UsageError("/copy needs a terminal; /export FILE writes the text")
    raise UsageError(f"{effect.question} A script is not asked: {effect.forced} does it")


def _print_listing(listing: Listing) -> None:
    for line in (listing.title, *(f"  {line}" for line in listing.lines())):
        echo(line)


def _play(session: Session, plays: Iterable[Play]) -> None:
    write = text_writer()
    for play in plays:
        if play.title:
            echo(play.title)
        has_text = False
        for event in play.events:
            if isinstance(event, Notice):
                echo(event.text, err=True)
            elif not isinstance(event, PrefillProgress):
                write(event.text)
                has_text = True
        write("\n" if has_text else "")
        if not play.title and session.settings.verbose:
            echo(session.summary(), err=True)
