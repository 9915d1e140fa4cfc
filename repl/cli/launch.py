"""Choose and run the front end for a session: full screen, line REPL or script."""

from __future__ import annotations

import os
import sys
from itertools import chain
from typing import TYPE_CHECKING

from ..ending_signals import LOST_TERMINAL
from .resume import print_farewell

if TYPE_CHECKING:
    from ...core.session.session import Session

DUMB_TERMINALS = ("dumb", "unknown")
"""Values of TERM for terminals that cannot move the cursor."""


def launch(session: Session, plain: bool, first_line: str = "") -> int:
    """Run a front end until the user quits, and return the exit code.

    If standard input is not a terminal, its lines run as a script. The line REPL is used with ``plain``, on a dumb
    terminal, or if the output is not a terminal. ``first_line`` is executed before any line is read.
    """
    if ".web" in os.environ.get("TEXTUAL_DRIVER", ""):  # a server shows the full screen in a browser
        return _run_full_screen(session, first_line)
    if sys.stdin is None or not sys.stdin.isatty():
        from ..line.script import read_stdin_lines, run_script

        return run_script(session, chain([first_line] if first_line else [], read_stdin_lines()))
    if plain or not _can_show_full_screen():
        from ..line.repl import run_line_repl

        code = run_line_repl(session, first_line)
    else:
        code = _run_full_screen(session, first_line)
    if code != LOST_TERMINAL:
        print_farewell(session)
    return code


def _can_show_full_screen() -> bool:
    return sys.stdout.isatty() and sys.stderr.isatty() and os.environ.get("TERM", "dumb") not in DUMB_TERMINALS


def _run_full_screen(session: Session, first_line: str) -> int:
    from ..tui.full_screen import run_full_screen

    return run_full_screen(session, first_line)
