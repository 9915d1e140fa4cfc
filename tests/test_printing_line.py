"""Hostile text in the line REPL: every command, its list of completions, the history, and texts that are written."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from afterglow.core.model import Model
from afterglow.core.sanitize import visible_name
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.repl.line.repl import LineRepl
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output

from .hostile_text import HOSTILE, HOSTILE_TEXT, INVISIBLE, PAYLOADS, check_shown, fill_home, hostile_lines
from .scripted_model import Scripted

OWN_SEQUENCES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\b]|\x1b\[0? q|\x1b\]52;c;[A-Za-z0-9+/=]*\x07")
"""The sequences of prompt-toolkit and of /copy. Payloads of this form are looked for before."""


class Screen(io.StringIO):
    """A terminal that keeps what it is sent."""

    def isatty(self) -> bool:
        return True

    def shown(self) -> str:
        """Return what was sent without prompt-toolkit's own sequences. Fail if it is not safe."""
        received = self.getvalue()
        payloads = (payload for payload in PAYLOADS.values() if not INVISIBLE.search(payload))
        assert [payload for payload in payloads if payload in received] == []
        shown = OWN_SEQUENCES.sub("", received)
        check_shown(shown)
        return shown


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[tuple[PipeInput, Screen]]:
    """A keyboard and a screen of 500 × 60. The data folder is hostile, and the editor changes nothing."""
    fill_home(home)
    monkeypatch.chdir(home)
    monkeypatch.setenv("EDITOR", "true")
    screen = Screen()
    with create_pipe_input() as keyboard:
        output = Vt100_Output(screen, lambda: Size(60, 500), term="xterm", enable_cpr=False)
        with create_app_session(input=keyboard, output=output):
            yield keyboard, screen


@pytest.fixture(params=["a hostile name", "a hostile text"])
def hostile_session(request: pytest.FixtureRequest, tiny: Model) -> Session:
    named = Model(visible_name(HOSTILE), tiny.file, tiny.runtime)
    model = named if request.param == "a hostile name" else Scripted(HOSTILE_TEXT)
    return Session(model, Settings(rng=7, length=150, speed=0, heat="surprise"))


async def test_every_command_is_shown(terminal: tuple[PipeInput, Screen], hostile_session: Session) -> None:
    keyboard, screen = terminal
    repl = LineRepl(hostile_session)
    for line in hostile_lines(hostile_session):
        if line.startswith("/delete"):
            keyboard.send_text("n\r")
        await repl._handle_line(line)
    assert screen.shown().count("␛]52;c;UFdO␇") > 50


@pytest.mark.parametrize("typed", ["/preset \t", "/model \t", "/open \t", "/stop \t", "\x1b[A", "\x12PWN"])
async def test_completions_and_history_are_shown(terminal: tuple[PipeInput, Screen], tiny: Model, typed: str) -> None:
    keyboard, screen = terminal
    session = Session(tiny, Settings(stop=(f"a{HOSTILE}",)))
    keyboard.send_text(typed)
    repl = LineRepl(session)
    await leave_once(keyboard, lambda: "PWN" in screen.getvalue(), repl)
    assert "␛]0;PWN" in screen.shown()


async def leave_once(keyboard: PipeInput, condition: Callable[[], bool], repl: LineRepl) -> None:
    """Run the REPL, and leave it when ``condition()`` is true."""
    task = asyncio.create_task(repl.run())
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)
        keyboard.send_text("\x03\x03\x04")
        await task
