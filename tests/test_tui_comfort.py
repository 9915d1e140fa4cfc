"""Comfort on the full screen: palette, help, themes, settings, several lines, editors, the tree."""

from __future__ import annotations

from pathlib import Path

import pytest
from afterglow.core.commands import COMMANDS
from afterglow.core.paths import theme_file
from afterglow.core.session import Session
from afterglow.repl import tui
from afterglow.repl.editor import Editor
from afterglow.repl.inputline import InputLine, read_history
from afterglow.repl.panel import Panel
from afterglow.repl.picker import Picker
from textual.widgets import HelpPanel, Input, Static, TextArea

from .tui_helpers import SIZE, play, press, seen, until


async def test_the_palette_has_every_command(app: tui.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        commands = {command.title: command for command in app.get_system_commands(app.screen)}
        assert {f"/{command.name}" for command in COMMANDS} <= commands.keys()
        commands["/temp"].callback()
        assert app.query_one(InputLine).value == "/temp "
        app.query_one(InputLine).value = ""
        await play(pilot, "The lamp")
        commands["/undo"].callback()
        await app.workers.wait_for_complete()
        assert app.session.passage.text() == "The lamp"


async def test_the_palette_opens_and_does_what_is_chosen(app: tui.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await pilot.press("ctrl+p", *"/undo")
        await pilot.pause(0.5)
        await pilot.press("enter")
        await until(pilot, lambda: app.session.passage.text() == "The lamp")


async def test_f1_shows_help_for_the_line_and_puts_it_away(app: tui.AfterglowApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, "f1")
        assert app.screen.query(HelpPanel)
        await press(pilot, "f1")
        assert not app.screen.query(HelpPanel)


async def test_a_theme_is_kept(app: tui.AfterglowApp, session: Session) -> None:
    async with app.run_test(size=SIZE) as pilot:
        app.theme = "nord"
        await pilot.pause()
    assert theme_file().read_text() == "nord"
    again = tui.AfterglowApp(session)
    async with again.run_test(size=SIZE):
        assert again.theme == "nord"
    theme_file().write_bytes(b"\xff nonsense")
    third = tui.AfterglowApp(session)
    async with third.run_test(size=SIZE):
        assert third.theme == "textual-dark"


async def test_settings_are_changed_on_one_page(app: tui.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "f4")
        assert isinstance(app.screen, Panel)
        await press(pilot, "down", *"12", "enter")
        assert app.session.settings.top_k == 12
        await press(pilot, "down", *"7", "enter")
        assert "top-p cannot be '7'" in str(app.screen.query_one("#what", Static).content)
        assert app.session.settings.top_p == 1.0
        await press(pilot, "up", *"reset", "enter")
        assert app.session.settings.top_k == 0
        await press(pilot, "escape")
        assert app.screen.query(InputLine)
        assert not app.query_one(InputLine).value


async def test_a_new_line_is_begun_with_ctrl_j(app: tui.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "a", "ctrl+j", "b", "alt+enter", "c", "enter")
        assert app.session.passage.text().startswith("a\nb\nc")


async def test_what_was_typed_can_be_called_back_next_time(app: tui.AfterglowApp, session: Session) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/temp 1.2")
        await press(pilot, "a", "ctrl+j", "b", "enter")
    assert read_history() == ["/temp 1.2", "a\nb"]
    again = tui.AfterglowApp(session)
    async with again.run_test(size=SIZE) as pilot:
        again.roads.leave()
        again.session.new()
        await press(pilot, "up")
        assert again.query_one(InputLine).text == "a\nb"


async def test_the_text_is_edited_in_place_and_goes_on_from_there(app: tui.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        before = app.session.passage.text()
        await play(pilot, "/edit")
        assert isinstance(app.screen, Editor)
        area = app.screen.query_one(TextArea)
        assert area.text == before
        area.text = before[:20] + "XYZ"
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: len(app.session.passage.text()) == 83 and not app.playing)
        assert app.session.passage.text().startswith(before[:20] + "XYZ")
        assert before[:20].split("\n")[0] in seen(app)
        await play(pilot, "/edit")
        app.screen.query_one(TextArea).text = ""
        await press(pilot, "escape")
        assert app.session.passage.text().startswith(before[:20] + "XYZ")


async def test_the_tree_is_shown_and_gone_about_in(app: tui.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await press(pilot, "ctrl+r")
        await press(pilot, "f3")
        assert isinstance(app.screen, Picker)
        assert [name for name, _ in app.screen._shown] == ["0", "1", "2"]
        await press(pilot, "down", "enter")
        await until(pilot, lambda: app.session.passage.cursor == 1)


async def test_the_line_goes_to_the_users_editor_and_back(
    app: tui.AfterglowApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf "%s and\\nmore\\n" "$(cat "$1")" > "$1.new" && mv "$1.new" "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    async with app.run_test(size=SIZE) as pilot:
        app.query_one(InputLine).put("some")
        await press(pilot, "ctrl+g")
        shown = app.query_one(InputLine).value
        assert shown == "some and␤more" or "no editor" in seen(app)


async def test_keys_of_the_screen_do_nothing_behind_another(app: tui.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await press(pilot, "f4")
        text = app.session.passage.text()
        await press(pilot, "ctrl+g", "pageup", "ctrl+c")
        assert app.session.passage.text() == text
        assert isinstance(app.screen, Panel)
        assert app.screen.query(Input)
