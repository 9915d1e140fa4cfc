"""The terminal at signals, at stops, and when it is gone: given back whole, and the passage saved."""

from __future__ import annotations

import os
import signal
import sys
import termios
import time

import pytest
from afterglow.core.session import passage_db

from .terminal_helpers import Terminal

LEFT = "\x1b[?1049l\x1b[?25h"
"""The end of the alternate screen, and the cursor shown again."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")


def saved_tokens() -> int:
    """Return the number of saved tokens of the latest passage."""
    found = passage_db.search_passages()
    return len(passage_db.load(found[0].number).passage.tokens()) if found else 0


def modes(terminal: Terminal) -> list[object]:
    """Return the modes of the terminal's line discipline: echo, lines, signals and so on."""
    return termios.tcgetattr(terminal.child.child_fd)[:4]


def end(terminal: Terminal, number: signal.Signals) -> int:
    """Send a signal, wait for the end, and return the exit code."""
    terminal.child.kill(number)
    terminal.until(lambda: not terminal.child.isalive())
    terminal.read()
    return int(terminal.child.exitstatus)


def exit_code(process: int, seconds: float = 20) -> int:
    """Wait until a process ends, and return its exit code. It is killed after ``seconds``."""
    limit = time.monotonic() + seconds
    while not (ended := os.waitpid(process, os.WNOHANG))[0]:
        if time.monotonic() > limit:
            os.kill(process, signal.SIGKILL)
        time.sleep(0.02)
    return os.waitstatus_to_exitcode(ended[1])


def test_the_full_screen_gives_the_terminal_back_at_each_stop_and_at_sigterm() -> None:
    terminal = Terminal("--length", "100000", "--speed", "40")
    before = modes(terminal)
    terminal.begin()
    for stop_key in ("kill", "\x1bz"):
        terminal.screen = ""
        if stop_key == "kill":
            terminal.child.kill(signal.SIGTSTP)  # a session's first process has no shell to stop for, and goes on
        else:
            terminal.type(stop_key)
        terminal.until(lambda: "Enter to continue" in terminal.screen.partition("\x1b[?1049h")[2])
        assert LEFT in terminal.screen.partition("\x1b[?1049h")[0]
    terminal.screen = ""
    terminal.type("\x0c")
    terminal.until(lambda: "Enter to continue" in terminal.screen)
    terminal.type("The lamp\r")
    terminal.until(saved_tokens)
    assert end(terminal, signal.SIGTERM) == 128 + signal.SIGTERM
    for ending in (LEFT, "\x1b[?1003l", "\x1b[?2004l"):
        assert ending in terminal.screen
    assert modes(terminal) == before


def test_the_full_screen_leaves_a_terminal_that_is_gone_where_sighup_is_ignored() -> None:
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        terminal = Terminal("--length", "100000", "--speed", "max")
    finally:
        signal.signal(signal.SIGHUP, previous)
    terminal.begin()
    terminal.type("The lamp\r")
    terminal.until(saved_tokens)
    already_saved = saved_tokens()
    os.close(terminal.child.child_fd)
    assert exit_code(terminal.child.pid) == 128 + signal.SIGHUP
    assert saved_tokens() > already_saved


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_the_line_repl_gives_the_terminal_back_and_saves(number: signal.Signals) -> None:
    terminal = Terminal("--plain", "--length", "100000", "--speed", "40", PROMPT_TOOLKIT_NO_CPR="1")
    before = modes(terminal)
    terminal.until(lambda: "Ctrl-D quits" in terminal.screen)
    terminal.type("The lamp\r")
    terminal.until(lambda: "\x1b[?2004l" in terminal.screen)  # the end of the prompt
    terminal.type("\x1a+")
    terminal.until(lambda: len(terminal.screen.partition("⟨T")[2]) > 500)
    assert end(terminal, number) == 128 + number
    assert modes(terminal) == before
    assert saved_tokens() > 0
