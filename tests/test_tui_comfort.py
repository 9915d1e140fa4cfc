"""Comfort on the full screen: palette, help, themes, settings, several lines, editors, the tree."""

from __future__ import annotations

import os
import signal
from contextlib import nullcontext
from pathlib import Path

import pytest
from afterglow.core.commands.registry import COMMANDS
from afterglow.core.paths import theme_file
from afterglow.core.session.session import Session
from afterglow.repl.prompt_history import read_history
from afterglow.repl.tui import app as app_module
from afterglow.repl.tui.pages.editor import Editor
from afterglow.repl.tui.pages.picker import Picker
from afterglow.repl.tui.pages.settings_screen import SettingField, SettingsScreen
from afterglow.repl.tui.prompt import PromptInput
from afterglow.repl.tui.status.footer import MainFooter
from afterglow.repl.tui.text.transcript import Transcript
from textual.command import CommandPalette
from textual.events import Key
from textual.widgets import Input, OptionList, Static, TextArea

from .tui_helpers import SIZE, play, press, transcript_text, until


async def test_the_palette_has_every_command(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        commands = {command.title: command for command in app.get_system_commands(app.screen)}
        assert {f"/{command.name}" for command in COMMANDS} <= commands.keys()
        commands["/temp"].callback()
        assert app.query_one(PromptInput).text == "/temp "
        app.query_one(PromptInput).text = ""
        await play(pilot, "The lamp")
        commands["/undo"].callback()
        await app.workers.wait_for_complete()
        assert app.session.passage.text() == "The lamp"


async def test_the_palette_opens_and_does_what_is_chosen(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await pilot.press("ctrl+p", *"/undo")
        await pilot.pause(0.5)
        await pilot.press("enter")
        await until(pilot, lambda: app.session.passage.text() == "The lamp")


async def test_the_palette_begins_with_what_is_used_most(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette) and app.screen.query_one(OptionList).options)
        shown = [str(option.prompt).split()[0] for option in app.screen.query_one(OptionList).options[:3]]
        assert shown == ["/continue", "/retry", "/undo"]


async def test_a_theme_is_kept(app: app_module.AfterglowApp, session: Session) -> None:
    async with app.run_test(size=SIZE) as pilot:
        app.theme = "nord"
        await pilot.pause()
    assert theme_file().read_text() == "nord"
    again = app_module.AfterglowApp(session)
    async with again.run_test(size=SIZE):
        assert again.theme == "nord"
    theme_file().write_bytes(b"\xff nonsense")
    third = app_module.AfterglowApp(session)
    async with third.run_test(size=SIZE):
        assert third.theme == "textual-dark"


def focus_setting(app: app_module.AfterglowApp, name: str) -> None:
    next(field for field in app.screen.query(SettingField) if field.spec.name == name).focus_value()


async def test_settings_are_changed_on_one_page(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "f4")
        assert isinstance(app.screen, SettingsScreen)
        focus_setting(app, "top_k")
        await press(pilot, *"12", "enter")
        assert app.session.settings.top_k == 12
        await press(pilot, "down", *"7", "enter")
        assert "top-p cannot be '7'" in str(app.screen.query_one("#setting-help", Static).content)
        assert app.session.settings.top_p == 1.0
        await press(pilot, "up", *"reset", "enter")
        assert app.session.settings.top_k == 0
        await press(pilot, "escape")
        assert "close again to leave it" in str(app.screen.query_one("#setting-help", Static).content)
        await press(pilot, "escape")
        assert app.screen.query(PromptInput)
        assert not app.query_one(PromptInput).text


async def test_a_value_that_was_typed_is_set_when_its_field_or_the_page_is_left(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "f4")
        focus_setting(app, "top_k")
        await press(pilot, *"12", "down", *"0.5", "escape")
        assert (app.session.settings.top_k, app.session.settings.top_p) == (12, 0.5)
        await press(pilot, "f4")
        focus_setting(app, "top_k")
        await press(pilot, *"x", "down", "up")
        assert app.screen.focused is not None
        assert getattr(app.screen.focused, "value", "") == "x"
        assert "top-k cannot be 'x'" in str(app.screen.query_one("#setting-help", Static).content)
        await press(pilot, "escape", *"7", "down", *"y", "escape")
        assert "top-p cannot be 'y'" in str(app.screen.query_one("#setting-help", Static).content)


async def test_a_new_line_is_begun_with_ctrl_j(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "a", "ctrl+j", "b", "alt+enter", "c", "enter")
        assert app.session.passage.text().startswith("a\nb\nc")


async def test_the_line_grows_with_what_is_typed_and_shrinks_again(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        line, transcript = app.query_one(PromptInput), app.query_one(Transcript)
        await pilot.pause()
        height = transcript.size.height
        assert line.content_size.height == 1
        await press(pilot, *"one", "ctrl+j", *"two", "ctrl+j")
        assert (line.content_size.height, transcript.size.height) == (3, height - 2)
        assert [line.render_line(y).text.strip() for y in range(3)] == ["one", "two", ""]
        line.set_text("\n".join(map(str, range(40))))
        await pilot.pause()
        assert line.content_size.height == 6
        assert line.render_line(5).text.strip() == "39"
        line.set_text("long " * 40)
        await pilot.pause()
        assert line.content_size.height == 3
        await press(pilot, "enter")
        assert (line.content_size.height, transcript.size.height) == (1, height)


async def test_up_and_down_move_in_a_text_of_several_lines_before_they_call_back(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        line = app.query_one(PromptInput)
        await play(pilot, "/temp 1.2")
        await press(pilot, *"one", "ctrl+j", *"two", "up")
        assert line.text == "one\ntwo"
        await press(pilot, *"!", "up")
        assert line.text == "/temp 1.2"
        await press(pilot, "down")
        assert line.text == "one!\ntwo"


async def test_a_burst_of_keys_is_seen_at_once(app: app_module.AfterglowApp) -> None:
    """The line of keys is drawn anew only where other keys act: the screen waits for none of that."""
    async with app.run_test(size=SIZE) as pilot:
        told = []
        app.screen.watch(app.query_one(MainFooter), "state", lambda state: told.append(state), init=False)
        for key in "a long seed typed ahead":
            app.post_message(Key("space" if key == " " else key, key))
        await until(pilot, lambda: app.query_one(PromptInput).text == "a long seed typed ahead")
        await pilot.pause()
        assert len(told) == 1


async def test_what_was_typed_can_be_called_back_next_time(app: app_module.AfterglowApp, session: Session) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/temp 1.2")
        await press(pilot, "a", "ctrl+j", "b", "enter")
    assert read_history() == ["/temp 1.2", "a\nb"]
    again = app_module.AfterglowApp(session)
    async with again.run_test(size=SIZE) as pilot:
        again.token_cursor.clear()
        again.session.new_passage()
        await press(pilot, "up")
        assert again.query_one(PromptInput).text == "a\nb"


async def test_the_text_is_edited_in_place_and_goes_on_from_there(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        before = app.session.passage.text()
        await play(pilot, "/edit")
        assert isinstance(app.screen, Editor)
        area = app.screen.query_one(TextArea)
        assert area.text == before
        area.text = before[:20] + "XYZ"
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: len(app.session.passage.text()) == 83 and not app.playback.playing)
        assert app.session.passage.text().startswith(before[:20] + "XYZ")
        assert before[:20].split("\n")[0] in transcript_text(app)
        await play(pilot, "/edit")
        app.screen.query_one(TextArea).text = ""
        await press(pilot, "escape")
        assert app.session.passage.text().startswith(before[:20] + "XYZ")


async def test_the_tree_is_shown_and_gone_about_in(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await press(pilot, "ctrl+r")
        await press(pilot, "f3")
        assert isinstance(app.screen, Picker)
        assert [name for name, _ in app.screen.visible_rows] == ["0", "1", "2"]
        rows = app.screen.query_one(OptionList)
        assert (rows.highlighted, rows.size.height) == (2, 3)
        await press(pilot, "up", "enter")
        await until(pilot, lambda: app.session.passage.cursor == 1)


async def test_the_line_goes_to_the_users_editor_and_back(
    app: app_module.AfterglowApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf "%s and\\nmore\\n" "$(cat "$1")" > "$1.new" && mv "$1.new" "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(editor))
    async with app.run_test(size=SIZE) as pilot:
        app.query_one(PromptInput).set_text("some")
        await press(pilot, "ctrl+g")
        shown = app.query_one(PromptInput).text
        assert shown == "some and\nmore" or "no editor" in transcript_text(app)


async def test_ctrl_c_in_the_editor_ends_nothing(app: app_module.AfterglowApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def edit(text: str) -> tuple[str, str]:
        os.kill(os.getpid(), signal.SIGINT)  # a terminal sends it to all programs in the foreground
        return f"{text} and more", ""

    monkeypatch.setattr("afterglow.repl.tui.prompt.edit_externally", edit)
    monkeypatch.setattr(app, "suspend", nullcontext)
    async with app.run_test(size=SIZE) as pilot:
        app.query_one(PromptInput).set_text("some")
        await press(pilot, "ctrl+g")
        assert app.query_one(PromptInput).text == "some and more"


async def test_keys_of_the_screen_do_nothing_behind_another(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await press(pilot, "f4")
        text = app.session.passage.text()
        await press(pilot, "ctrl+g", "pageup", "ctrl+c")
        assert app.session.passage.text() == text
        assert isinstance(app.screen, SettingsScreen)
        assert app.screen.query(Input)
