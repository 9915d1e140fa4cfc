"""Choose and run the front end for a session: full screen, line REPL or script."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, TextIO

from ...core.command_line import echo_notice
from ...core.settings import WATCHED_DEFAULTS
from ..ending_signals import LOST_TERMINAL
from .options import load_model_and_settings
from .resume import print_farewell

if TYPE_CHECKING:
    from ...core.session.session import Session

DUMB_TERMINALS = ("dumb", "unknown")
"""Values of TERM for terminals that cannot move the cursor."""

FULL_SCREEN_SIGNS = "│█▎▁●→›"
"""Signs without which the full screen cannot be read, one of each kind."""


def open_session(model_name: str | None, runtime: str, flags: Mapping[str, object]) -> Session:
    """Return a session for ``launch``; see ``load_model_and_settings``. Its defaults suit how its texts are read."""
    gc.disable()  # importing and loading make many objects and no garbage; ``launch`` enables it
    from ...core.session.session import Session

    is_watched = _is_shown_in_browser() or (_is_typed() and sys.stdout.isatty())
    defaults = WATCHED_DEFAULTS if is_watched else {}
    model, settings = load_model_and_settings(model_name, runtime, flags, defaults)
    return Session(model, settings, front_end_defaults=defaults)


def launch(session: Session, plain: bool, first_line: str = "") -> int:
    """Run a front end until the user quits, and return the exit code.

    If standard input is not a terminal, its lines run as a script. The line REPL is used with ``plain``, on a dumb
    terminal, in a locale that lacks the full screen's signs, or if the output is not a terminal. ``first_line`` is
    executed before any line is read.
    """
    if _is_shown_in_browser():
        return _run_full_screen(session, first_line)
    if not _is_typed():
        from ..line.script import read_stdin_lines, run_script

        gc.enable()
        return run_script(session, chain([first_line] if first_line else [], read_stdin_lines()))
    if plain or not _can_show_full_screen():
        from ..line.repl import run_line_repl

        gc.enable()
        code = run_line_repl(session, first_line)
    else:
        code = _run_full_screen(session, first_line)
    if code != LOST_TERMINAL:
        print_farewell(session)
    return code


def _is_shown_in_browser() -> bool:
    """True if a server shows the full screen in a browser."""
    return ".web" in os.environ.get("TEXTUAL_DRIVER", "")


def _is_typed() -> bool:
    """True if the lines come from a terminal, False if from a script."""
    return sys.stdin is not None and sys.stdin.isatty()


def _can_show_full_screen() -> bool:
    is_terminal = sys.stdout.isatty() and sys.stderr.isatty()
    return is_terminal and os.environ.get("TERM", "dumb") not in DUMB_TERMINALS and _can_write_signs(sys.stderr)


def _can_write_signs(stream: TextIO) -> bool:
    """Return False, and say what to do, if the encoding of the locale lacks the signs of the full screen."""
    try:
        FULL_SCREEN_SIGNS.encode(stream.encoding)
    except UnicodeEncodeError:
        echo_notice(f"the full screen needs UTF-8, and the locale has {stream.encoding}: set LC_ALL=C.UTF-8")
        return False
    return True


def _run_full_screen(session: Session, first_line: str) -> int:
    from ..tui.full_screen import run_full_screen

    return run_full_screen(session, first_line)  # enables garbage collection, with thresholds of its own
