"""The full-screen app, driven by its keys: what is typed, what is seen, what the session then holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from afterglow.core.model import Model
from afterglow.core.paths import history_file, log_file
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.repl.prompt_history import read_history
from afterglow.repl.tui import app as app_module
from afterglow.repl.tui.keys.completion import Completions, complete_line
from afterglow.repl.tui.prompt import PromptInput
from afterglow.repl.tui.status.status_line import StatusLine
from afterglow.repl.tui.text.transcript import Transcript
from textual.events import Key, Paste

from .tui_helpers import SIZE, enter, play, status_text, stop, transcript_text, until, wait_for_tokens, wait_until_idle


async def test_a_seed_streams_and_its_continuation_follows_it_verbatim(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        text = app.session.passage.text()
        assert text.startswith("The lamp")
        assert len(text) == len("The lamp") + 60
        assert "".join(line for line in text.split("\n") if line.strip()) in transcript_text(app).replace("\n", "")
        assert app.session.passage.summary() in transcript_text(app)


async def test_an_empty_line_goes_on_in_the_same_block(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "")
        assert transcript_text(app).count("The lamp k") <= 1
        assert len(app.session.passage.tokens()) == 120
        assert transcript_text(app).count("characters · rng") == 1


async def test_two_slashes_begin_a_seed_with_one(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "//the lamp")
        assert app.session.passage.text().startswith("/the lamp")


async def test_a_temperature_typed_while_text_streams_rules_the_next_tokens(slow: app_module.AfterglowApp) -> None:
    async with slow.run_test(size=SIZE) as pilot:
        await enter(pilot, "The lamp")
        await wait_for_tokens(pilot, slow, 20)
        await enter(pilot, "/temp 1.2")
        await until(pilot, lambda: slow.session.settings.temperature == 1.2)
        before = len(slow.session.passage.tokens())
        await wait_for_tokens(pilot, slow, before + 20)
        await stop(pilot, slow)
        temperatures = [token.temperature for token in slow.session.passage.tokens()]
        assert set(temperatures) == {1.0, 1.2}
        assert temperatures == sorted(temperatures)
        assert set(temperatures[:20]) == {1.0}
        assert "T 1.00 → 1.20" in transcript_text(slow)


@pytest.mark.parametrize("key", ["escape", "ctrl+c"])
async def test_stopping_keeps_the_text(slow: app_module.AfterglowApp, key: str) -> None:
    async with slow.run_test(size=SIZE) as pilot:
        await enter(pilot, "The lamp")
        await wait_for_tokens(pilot, slow, 10)
        pilot.app.simulate_key(key)
        await until(pilot, lambda: not slow.playback.playing)
        assert 10 <= len(slow.session.passage.tokens()) < 100_000
        assert "characters · rng 7" in transcript_text(slow)


async def test_another_line_stops_the_text_first(slow: app_module.AfterglowApp) -> None:
    async with slow.run_test(size=SIZE) as pilot:
        await enter(pilot, "The lamp")
        await wait_for_tokens(pilot, slow, 10)
        first = slow.session.passage
        await enter(pilot, "The sea")
        await until(pilot, lambda: slow.session.passage is not first and slow.playback.playing)
        assert first.text().startswith("The lamp")
        assert slow.session.passage.text().startswith("The sea")
        await stop(pilot, slow)


async def test_lines_in_quick_succession_are_all_done(slow: app_module.AfterglowApp) -> None:
    async with slow.run_test(size=SIZE) as pilot:
        for seed in ("One", "Two", "Three"):
            slow.run_line(seed)
        await until(pilot, lambda: "Three" in transcript_text(slow))
        assert all(seed in transcript_text(slow) for seed in ("One", "Two"))
        await stop(pilot, slow)


async def test_a_bad_command_is_one_line_and_comes_back(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/tmep 1.2")
        assert "there is no command /tmep; did you mean /temp?" in transcript_text(app)
        assert app.query_one(PromptInput).text == "/tmep 1.2"
        assert app.session.settings.temperature == 1.0


async def test_a_bad_command_while_text_streams_stops_nothing_else(slow: app_module.AfterglowApp) -> None:
    async with slow.run_test(size=SIZE) as pilot:
        await enter(pilot, "The lamp")
        await wait_for_tokens(pilot, slow, 5)
        await enter(pilot, "/temp 99")
        await until(pilot, lambda: "temperature cannot be" in transcript_text(slow))
        assert slow.playback.playing
        await stop(pilot, slow)


async def test_resizing_while_text_streams(slow: app_module.AfterglowApp) -> None:
    async with slow.run_test(size=SIZE) as pilot:
        await enter(pilot, "The lamp")
        for size in ((40, 12), (200, 60), (20, 8), (80, 24)):
            await pilot.resize_terminal(*size)
            await wait_for_tokens(
                pilot, slow, len(slow.session.passage.tokens()) + 10 if slow.session.passage.nodes else 1
            )
        await stop(pilot, slow)
        await pilot.pause()
        transcript = slow.query_one(Transcript)
        assert transcript.scroll_offset.y == transcript.max_scroll_y


async def test_single_keys_play_in_an_empty_line_and_type_in_any_other(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await pilot.press("plus", "plus", "minus", "ctrl+up")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert app.session.settings.temperature == 1.1
        assert len(re.findall(r"T 1\.\d\d → ", transcript_text(app))) == 1
        await pilot.press("a", "plus", "space", "minus")
        assert app.query_one(PromptInput).text == "a+ -"
        await pilot.press("ctrl+down")
        await app.workers.wait_for_complete()
        assert app.session.settings.temperature == 1.05
        assert app.query_one(PromptInput).text == "a+ -"


async def test_space_holds_the_text_and_tab_finishes_it(tiny: Model) -> None:
    app = app_module.AfterglowApp(Session(tiny, Settings(rng=7, length=3000, speed=50)))
    async with app.run_test(size=SIZE) as pilot:
        await enter(pilot, "The lamp")
        await wait_for_tokens(pilot, app, 3)
        pilot.app.simulate_key("space")
        await until(pilot, lambda: app.playback.paused)
        await pilot.pause()
        assert "paused" in status_text(app)
        pilot.app.simulate_key("tab")
        await until(pilot, lambda: not app.playback.playing)
        assert len(app.session.passage.tokens()) == 3000


async def test_undo_and_redo_show_the_passage_anew(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        whole = app.session.passage.tokens()
        await pilot.press("ctrl+z")
        await until(pilot, lambda: "undone" in transcript_text(app))
        assert app.session.passage.text() == "The lamp"
        assert "The lamp\n" in transcript_text(app)
        await pilot.press("ctrl+y")
        await until(pilot, lambda: "redone" in transcript_text(app))
        assert app.session.passage.tokens() == whole
        assert "undone" not in transcript_text(app)
        assert transcript_text(app).count("The lamp") == 1


async def test_retry_writes_another_text_in_the_place_of_the_last(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        app.session.set("temperature", 2.0)
        await play(pilot, "The lamp")
        first = app.session.passage.text()
        await pilot.press("ctrl+r")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert app.session.passage.text() != first
        assert transcript_text(app).count("The lamp") == 1
        assert "take 1" in transcript_text(app)


async def test_memory_joins_the_next_seed(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/memory on")
        await play(pilot, "The lamp")
        await play(pilot, "The sea")
        assert app.session.passage.text().count("The sea") >= 1
        assert transcript_text(app).count("characters · rng") == 1


async def test_completion_is_offered_and_taken(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(*"/swe")
        await pilot.pause()
        assert app.query_one(Completions).words == ["/sweep"]
        await pilot.press("tab")
        assert app.query_one(PromptInput).text == "/sweep "
        await pilot.press("tab")
        assert app.query_one(PromptInput).text == "/sweep 0.2 0.5 1.0 1.2"


def test_completion_of_a_seed_is_nothing(session: Session) -> None:
    assert complete_line(session, "The") is None
    assert complete_line(session, "//te") is None


async def test_up_and_down_walk_through_what_was_typed(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        line = app.query_one(PromptInput)
        await play(pilot, "/temp 1.2")
        await play(pilot, "/temp 0.8")
        line.set_text("half a l")
        await pilot.press("up", "up")
        assert line.text == "/temp 1.2"
        await pilot.press("down", "down")
        assert line.text == "half a l"


def test_the_line_repl_s_history_is_read(home: Path) -> None:
    home.mkdir()
    assert read_history() == []
    history_file().write_text(
        "\n# 2026-01-01 10:00:00.0\n+The lamp\n\n# 2026-01-01 10:00:01.0\n+two\n+lines\n", "utf-8"
    )
    assert read_history() == ["The lamp", "two\nlines"]


async def test_page_keys_scroll_the_transcript(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/help")
        await pilot.press("ctrl+end")
        transcript = app.query_one(Transcript)
        end = transcript.scroll_offset.y
        await pilot.press("pageup")
        assert transcript.scroll_offset.y < end
        await pilot.press("ctrl+home")
        assert transcript.scroll_offset.y == 0
        await pilot.press("ctrl+end")
        assert transcript.scroll_offset.y == end


async def test_the_mouse_selects_and_ctrl_c_copies_and_keys_still_type(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/temp 1.2")
        await pilot.mouse_down(Transcript, offset=(7, 2))
        await pilot.hover(Transcript, offset=(12, 2))
        await pilot.mouse_up(Transcript, offset=(12, 2))
        await pilot.press("ctrl+c")
        assert app.clipboard == "T 1.00"
        assert "Ctrl-Q quits, and so" not in transcript_text(app)
        await pilot.click(Transcript)
        await pilot.press("a")
        assert app.query_one(PromptInput).text == "a"


async def test_keys_typed_ahead_keep_their_order(app: app_module.AfterglowApp) -> None:
    """However late the app comes to them: nothing waits between these."""
    async with app.run_test(size=SIZE) as pilot:
        for key in ("a", "ctrl+u", "c", "d", "plus", "enter", "e", "minus"):
            app.post_message(Key(key, {"plus": "+", "minus": "-"}.get(key, key if len(key) == 1 else None)))
        await until(pilot, lambda: app.session.passage.nodes)
        assert app.session.passage.text().startswith("cd+")
        assert app.query_one(PromptInput).text == "e-"


async def test_the_footer_shows_what_can_be_done_now(slow: app_module.AfterglowApp) -> None:
    async with slow.run_test(size=SIZE) as pilot:
        assert "space" not in slow.screen.active_bindings
        await enter(pilot, "The lamp")
        await wait_for_tokens(pilot, slow, 3)
        assert {"space", "escape"} <= set(slow.screen.active_bindings)
        slow.query_one(PromptInput).set_text("a")
        assert "space" not in slow.screen.active_bindings
        await stop(pilot, slow)


async def test_several_pasted_lines_are_one_seed(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        app.query_one(PromptInput).post_message(Paste("The lamp\nthe sea\x1b"))
        await pilot.pause()
        assert app.query_one(PromptInput).text == "The lamp\nthe sea␛"
        await pilot.press("enter")
        await app.workers.wait_for_complete()
        assert app.session.passage.text().startswith("The lamp\nthe sea")


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+d"])
async def test_leaving(app: app_module.AfterglowApp, key: str) -> None:
    async with app.run_test(size=SIZE) as pilot:
        pilot.app.simulate_key(key)
        await until(pilot, lambda: not app.is_running or app._exit)
    assert app.return_code == 0


async def test_leaving_while_text_streams_keeps_it(slow: app_module.AfterglowApp) -> None:
    async with slow.run_test(size=SIZE) as pilot:
        await enter(pilot, "The lamp")
        await wait_for_tokens(pilot, slow, 5)
        pilot.app.simulate_key("ctrl+q")
        await until(pilot, lambda: slow._exit)
    assert len(slow.session.passage.tokens()) >= 5
    assert not slow.session.playing


async def test_quitting_by_command_while_text_streams(slow: app_module.AfterglowApp) -> None:
    async with slow.run_test(size=SIZE) as pilot:
        await enter(pilot, "The lamp")
        await wait_for_tokens(pilot, slow, 5)
        await enter(pilot, "/quit")
        await until(pilot, lambda: slow._exit)
    assert not slow.session.playing


async def test_ctrl_c_says_how_to_leave_when_nothing_is_written(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+c", "ctrl+c")
        assert transcript_text(app).count("Ctrl-Q quits, and so") == 1


async def test_a_bug_is_one_line_here_and_a_traceback_in_the_log(
    app: app_module.AfterglowApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(app_module, "dispatch", broken)
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        assert "a bug, sorry: KeyError" in transcript_text(app)
        assert app.query_one(PromptInput).text == "The lamp"
    assert "Traceback" in log_file().read_text("utf-8")


@pytest.mark.parametrize("size", [(20, 6), (40, 12), (80, 24), (200, 60)])
async def test_every_size_has_room_for_the_essentials(app: app_module.AfterglowApp, size: tuple[int, int]) -> None:
    async with app.run_test(size=size) as pilot:
        await play(pilot, "The lamp")
        await pilot.pause()
        for widget in (app.query_one(Transcript), app.query_one(StatusLine), app.query_one(PromptInput)):
            assert widget.region.height >= 1
            assert app.screen.region.contains_region(widget.region)


@pytest.mark.parametrize("theme", ["textual-light", "textual-dark", "ansi-dark"])
async def test_themes(app: app_module.AfterglowApp, theme: str) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/heat surprise")
        await play(pilot, "The lamp")
        app.theme = theme
        await pilot.pause()
        assert "The lamp" in transcript_text(app)


async def test_a_first_line_is_done_before_any_is_typed(session: Session) -> None:
    session.set("speed", 0)
    app = app_module.AfterglowApp(session, "The lamp")
    async with app.run_test(size=SIZE) as pilot:
        await wait_until_idle(pilot)
        assert session.passage.text().startswith("The lamp")
        assert len(session.passage.tokens()) == 60
