"""Hostile text on the full screen: every command, every screen, and a widget that forgets to show it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from afterglow.core.commands.registry import completions
from afterglow.core.sanitize import visible_name
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.repl.tui.app import AfterglowApp
from afterglow.repl.tui.prompt import PromptInput
from afterglow.repl.tui.terminal.visible_text import VisibleApp
from textual.app import App
from textual.content import Content
from textual.widgets import Input, Static

from .hostile_text import HOSTILE, HOSTILE_TEXT, PAYLOADS, check_shown, fill_home, hostile_lines
from .scripted_model import Scripted
from .tui_helpers import play, transcript_text, wait_until_idle

SIZE = (120, 30)


@pytest.fixture(autouse=True)
def current_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hostile data folder, in which commands write files."""
    fill_home(home)
    monkeypatch.chdir(home)


@pytest.fixture
def without_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last filter before the terminal turned off, so that each widget is tested alone."""
    monkeypatch.setattr(VisibleApp, "get_line_filters", App.get_line_filters)


@pytest.fixture
def hostile_app() -> AfterglowApp:
    """The full screen with a model of a hostile name that writes hostile text."""
    model = Scripted(HOSTILE_TEXT)
    model.name = visible_name(HOSTILE)
    return AfterglowApp(Session(model, Settings(rng=7, length=130, speed=0, lens=True, stop=(f"a{HOSTILE}",))))


def drawn(app: App[None]) -> str:
    """Return all characters on the screen. They must be safe. A long line may be wrapped anywhere."""
    strips = app.screen._compositor.render_strips()
    text = "\n".join("".join(segment.text for segment in strip) for strip in strips)
    check_shown(text.replace("FORGED", ""))
    return text


@pytest.mark.usefixtures("without_filter")
async def test_every_command_is_shown(hostile_app: AfterglowApp) -> None:
    shown: set[str] = set()
    async with hostile_app.run_test(size=SIZE) as pilot:
        for lines in batched(hostile_lines(hostile_app.session), 8):
            with hostile_app.batch_update():
                for line in lines:
                    hostile_app.run_line(line)
                await wait_until_idle(pilot)
            await pilot.pause()
            while len(hostile_app.screen_stack) > 1:
                drawn(hostile_app)
                await pilot.press("escape")
            drawn(hostile_app)
            shown.update(transcript_text(hostile_app).splitlines())
    check_shown("\n".join(shown))
    assert sum("␛]52;c;UFdO␇" in line for line in shown) > 25


def batched(lines: Iterator[str], size: int) -> Iterator[list[str]]:
    while batch := list(islice(lines, size)):
        yield batch


@pytest.mark.usefixtures("without_filter")
async def test_completions_are_shown(hostile_app: AfterglowApp) -> None:
    async with hostile_app.run_test(size=SIZE) as pilot:
        for line in ("/preset ", "/model ", "/open ", "/stop ", "/set stop "):
            words = [word for word, _ in completions(hostile_app.session, line)]
            for typed in (line, *(line + word[:3] for word in words)):
                hostile_app.query_one(PromptInput).set_text(typed)
                await pilot.pause()
                assert "␛]0;PWN␇" in drawn(hostile_app)


@pytest.mark.usefixtures("without_filter")
async def test_every_screen_is_shown(hostile_app: AfterglowApp) -> None:
    async with hostile_app.run_test(size=SIZE) as pilot:
        await play(pilot, HOSTILE_TEXT)
        for key in ("up", "f4", "f5", "f1", "ctrl+p"):
            await pilot.press(key)
            await pilot.pause()
            assert "�" in drawn(hostile_app) or key == "f1"  # the page of keys covers all, and has no such text
            while len(hostile_app.screen_stack) > 1:
                await pilot.press("escape")
        for line in ("/preset", "/model", "/tree", "/open"):
            await play(pilot, line)
            assert "�" in drawn(hostile_app)
            hostile_app.screen.query_one(Input).value = HOSTILE
            await pilot.pause()
            assert "�" in drawn(hostile_app)
            await pilot.press("escape")


async def test_a_widget_that_forgets_cannot_send_it(app: AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await app.mount(Static(Content("\n".join(f"[{payload}]" for payload in PAYLOADS.values()))))
        await pilot.pause()
        assert "[]52;c;UFdO]" in drawn(app)
