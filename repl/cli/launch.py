"""Which face a session gets: the full screen, lines, or a script's."""

from __future__ import annotations

import os
import sys
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...core.session.session import Session


def launch(session: Session, plain: bool, first_line: str = "") -> int:
    """Play until the user leaves, and return the exit code; ``first`` is a line that is done before any is typed.

    Where standard input is no terminal its lines are played as a script; ``plain``, a dumb terminal and output into a
    pipe get lines instead of the full screen.
    """
    if "web_driver" in os.environ.get("TEXTUAL_DRIVER", ""):  # textual-serve draws it in a browser
        _run_full_screen(session, first_line)
    elif sys.stdin is None or not sys.stdin.isatty():
        from ..line.script import read_stdin_lines, run_script

        return run_script(session, chain([first_line] if first_line else [], read_stdin_lines()), sys.stdout)
    elif plain or not (sys.stdout.isatty() and sys.stderr.isatty()) or os.environ.get("TERM", "dumb") in DUMB_TERMINALS:
        from ..line.repl import run_line_repl

        run_line_repl(session, first_line)
    else:
        _run_full_screen(session, first_line)
    return 0


DUMB_TERMINALS = ("dumb", "unknown")
"""Terminals that can only print."""


def _run_full_screen(session: Session, first_line: str) -> None:
    from ..tui.app import run_app

    run_app(session, first_line)
