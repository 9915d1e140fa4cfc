"""The transcript in the course of a session: earlier passages, past notes and errors, the summary of a text."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest
from afterglow.core.errors import StorageError
from afterglow.core.session.passage_db import PassageSaver
from afterglow.repl.tui.app import AfterglowApp
from afterglow.repl.tui.prompt import PromptInput
from afterglow.repl.tui.text.transcript import Transcript
from textual.color import Color
from textual.widgets._toast import Toast

from .tui_helpers import SIZE, play, press, screen_lines, transcript_text, until, wait_until_idle


def colors_of(app: AfterglowApp, text: str) -> set[str]:
    """Return the colors of the line of the transcript that contains a text, without its margin."""
    transcript = app.query_one(Transcript)
    number = next(number for number, line in enumerate(transcript.lines) if text in line.text)
    strip = transcript.render_line(number - transcript.scroll_offset.y)
    words = [segment for segment in list(strip)[3:] if segment.text.strip()]
    return {Color.from_rich_color(each.style.color).hex for each in words if each.style and each.style.color}


async def test_a_new_seed_dims_the_passage_before_it_under_its_number_beginning_and_length(
    app: AfterglowApp, home: Path
) -> None:
    del home
    app.session.set("length", 20)
    async with app.run_test(size=(80, 30)) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "/help quit")
        await play(pilot, "A boat")
        lines = screen_lines(app)
        rule = next(line for line in lines if "──" in line)
        assert rule.strip().startswith("── #1 · The lamp")
        assert " characters ──" in rule
        assert len(colors_of(app, "The lamp")) == 1
        assert colors_of(app, "The lamp").isdisjoint(colors_of(app, "A boat"))
        assert sum("rng 7" in line for line in lines) == 1
        assert [line for line in lines if line.strip()][-1].strip().startswith("T 1.00")


async def test_new_dims_the_passage_at_once_and_says_what_to_do(app: AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "/new")
        shown = transcript_text(app)
        assert "The lamp" in shown.split(" characters ─")[0]
        assert shown.rstrip().endswith("new passage; type a seed")


async def test_notes_and_errors_go_when_another_line_begins_a_text(app: AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/temp 0.7")
        await play(pilot, "/nonsense")
        assert "type a seed, or /help" in transcript_text(app)
        await play(pilot, "The lamp")
        for gone in ("type a seed, or /help", "temperature 1.00 → 0.70", "there is no command"):
            assert gone not in transcript_text(app)
        await play(pilot, "/branch 5")
        assert "continuing after" in transcript_text(app)  # this line's own note
        await play(pilot, "")
        assert "continuing after" not in transcript_text(app)


async def test_a_repeated_error_is_one_line(app: AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await press(pilot, "left_square_bracket", "left_square_bracket", "left_square_bracket")
        assert transcript_text(app).count("this is the first version") == 1
        await press(pilot, "right_square_bracket")
        assert "this is the first version" not in transcript_text(app)


async def test_the_summary_is_under_the_text_however_it_was_reached(app: AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await press(pilot, "right_square_bracket")
        for keys, version in (("left_square_bracket",), 1), (("right_square_bracket",), 2), (("alt+up", "alt+down"), 2):
            await press(pilot, *keys)
            shown = transcript_text(app)
            assert shown.count("version") == 1
            assert f"version {version} of 2" in shown
        await press(pilot, "alt+up")
        assert "rng 7" not in transcript_text(app)  # only the seed is left


async def test_an_opened_passage_has_its_summary(app: AfterglowApp, home: Path) -> None:
    del home
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "/new")
        await play(pilot, "/open #1")
        assert "characters · rng 7" in transcript_text(app).split("──")[-1]


async def test_a_message_over_a_sweep_leaves_the_input_in_sight(app: AfterglowApp) -> None:
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "/sweep 0.5 1")
        app.run_line("/help quit")
        await wait_until_idle(pilot)
        (toast,) = app.screen.query(Toast)
        assert toast.region
        assert not toast.region.overlaps(app.query_one(PromptInput).region)


async def test_a_bug_and_a_failed_save_are_told_over_a_sweep(
    app: AfterglowApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "/sweep 0.5 1")
        for error, message in (
            (KeyError("broken"), "a bug, sorry"),
            (StorageError("the disk is full"), "not autosaved"),
        ):
            monkeypatch.setattr(PassageSaver, "save", Mock(side_effect=error))
            await app.autosave.save_in_thread()
            await pilot.pause()
            assert [each.message for each in app._notifications][-1].startswith(message)


async def test_what_is_added_out_of_sight_is_said_above_the_input(app: AfterglowApp) -> None:
    app.session.set("length", 1000)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "/copy")
        assert not app._notifications
        await press(pilot, "ctrl+home")
        for line, message in (
            ("/copy", "copied 1,008 characters"),
            ("/nonsense", "there is no command /nonsense"),
            ("/temp 0.5", "T 1.00 → 0.50"),
        ):
            await play(pilot, line)
            assert [each.message for each in app._notifications][-1].startswith(message)
        await play(pilot, "/help quit")
        assert screen_lines(app)[-1].strip().startswith("quit afterglow")
        await pilot.resize_terminal(80, 16)
        count = len(app._notifications)
        await play(pilot, "/explain 0 0.5 1")  # a table, and below it the draw and a note, which belong to it
        assert "T 0 always takes the likeliest" in transcript_text(app)
        await until(pilot, lambda: screen_lines(app)[0].strip() == "probabilities at T 0, 0.5, 1")
        await play(pilot, "/explain 0 1")
        await until(pilot, lambda: screen_lines(app)[0].strip() == "probabilities at T 0, 1")
        assert len(app._notifications) == count


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark", "ansi-light"])
async def test_an_earlier_passage_is_dim_in_every_theme(app: AfterglowApp, theme: str) -> None:
    app.session.set("length", 5)
    async with app.run_test(size=SIZE) as pilot:
        app.theme = theme
        await play(pilot, "The lamp")
        await play(pilot, "/new")
        transcript = app.query_one(Transcript)
        past, text = (transcript.get_component_rich_style(f"transcript--{name}") for name in ("past", "text"))
        assert past.dim or past.color != text.color
        number = next(number for number, line in enumerate(transcript.lines) if line.text.startswith("The lamp"))
        assert past in [segment.style for segment in transcript.render_line(number)]
