"""Passages on the full screen: autosaved while they grow, found again, opened where they stood."""

from __future__ import annotations

import pytest
from afterglow.core import presets
from afterglow.core.commands.passage_commands import list_passages
from afterglow.core.model import Model
from afterglow.core.paths import log_file, passage_db_file
from afterglow.core.session import passage_db, passage_json
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.repl.tui import app as app_module
from afterglow.repl.tui.pages.picker import Picker
from afterglow.repl.tui.pages.question import Question
from afterglow.repl.tui.prompt import PromptInput
from afterglow.repl.tui.status.footer import KeyFooter
from afterglow.repl.tui.status.legend import Legend
from textual.widgets import OptionList, Static

from .tui_helpers import (
    SIZE,
    enter,
    limit_file_size,
    play,
    press,
    status_text,
    stop,
    transcript_text,
    until,
    wait_for_tokens,
)


def picker(app: app_module.AfterglowApp) -> Picker:
    """The list on top."""
    assert isinstance(app.screen, Picker)
    return app.screen


async def test_a_text_is_on_disk_while_it_is_written(slow: app_module.AfterglowApp) -> None:
    async with slow.run_test(size=SIZE) as pilot:
        await enter(pilot, "The lamp")
        await wait_for_tokens(pilot, slow, 50)
        await until(pilot, lambda: passage_db.search_passages() and len(passage_db.load(1).passage.tokens()) > 10)
        assert slow.playback.playing
        await stop(pilot, slow)
        await until(pilot, lambda: passage_db.load(1).passage.text() == slow.session.passage.text())


async def test_every_passage_is_there_and_one_is_found_by_a_word(app: app_module.AfterglowApp, tiny: Model) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "Zebra")
        await press(pilot, "ctrl+r")
        await press(pilot, "ctrl+z")
        stood = passage_json.to_json(app.session.passage)
        await play(pilot, "Quagga")
    again = app_module.AfterglowApp(Session(tiny, Settings(length=60, speed=0)))
    async with again.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: "/open continues #2 Quagga" in transcript_text(again))
        await play(pilot, "/open")
        assert [name for name, _ in picker(again).visible_rows] == ["#2", "#1"]
        await pilot.press(*"zebra")
        await pilot.pause()
        assert [name for name, _ in picker(again).visible_rows] == ["#1"]
        await press(pilot, "enter")
        await until(pilot, lambda: again.session.passage.nodes)
        await again.workers.wait_for_complete()
        assert passage_json.to_json(again.session.passage) == stood
        assert "opened #1" in transcript_text(again)
        assert again.session.passage.text() in transcript_text(again)
        await press(pilot, "ctrl+y")
        assert len(passage_db.search_passages()) == 2
        assert passage_db.load(1).passage.cursor == again.session.passage.cursor


async def test_a_word_that_several_passages_have_opens_the_list_with_it(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        for seed in ("Zebra one", "Quagga", "Zebra two"):
            await play(pilot, seed)
        await play(pilot, "/open zebra")
        assert [name for name, _ in picker(app).visible_rows] == ["#3", "#1"]
        await pilot.press(*" one")
        await pilot.pause()
        assert [name for name, _ in picker(app).visible_rows] == ["#1"]
        await press(pilot, "enter")
        await until(pilot, lambda: app.session.passage.text().startswith("Zebra one"))


async def test_a_passage_is_deleted_after_y_and_brought_back(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "Zebra")
        written = app.session.passage.text()
        for keys in ("n enter", "enter", "escape", "x"):
            await play(pilot, "/delete")
            assert isinstance(app.screen, Question)
            await press(pilot, *keys.split())
            assert isinstance(app.screen, Question) == (keys == "x")
            assert passage_db.search_passages()
        assert app.session.passage.text() == written, "Enter after the answer is not for the input line"
        await press(pilot, "y", "enter")
        assert passage_db.search_passages() == []
        assert "/undelete brings it back" in transcript_text(app)
        assert not app.session.passage.nodes
        await play(pilot, "/undelete")
        assert app.session.passage.text().startswith("Zebra")
        assert [saved.number for saved in passage_db.search_passages()] == [1]


async def test_passages_are_deleted_and_renamed_in_the_list(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        for seed in ("One", "Two", "Three"):
            await play(pilot, seed)
        await play(pilot, "/open")
        assert "Rename  ^d Delete" in app.screen.query_one(KeyFooter).render().plain
        await press(pilot, "down", "ctrl+d")
        assert isinstance(app.screen, Question)
        await press(pilot, "y", "enter")
        assert [name for name, _ in picker(app).visible_rows] == ["#3", "#1"]
        assert app.screen.query_one(OptionList).highlighted == 1
        assert "/undelete brings it back" in str(app.screen.query_one(".title", Static).content)
        await press(pilot, "ctrl+d", "n", "enter")
        assert len(picker(app).visible_rows) == 2
        await press(pilot, "ctrl+r")
        assert app.query_one(PromptInput).text == "/rename #1 "
        await press(pilot, *"first", "enter")
        assert dict(list_passages())["#1"].startswith("first · One")


async def test_a_preset_is_deleted_in_the_list_and_a_model_cannot_be(app: app_module.AfterglowApp) -> None:
    presets.save("mine", Settings(temperature=0.5))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/preset")
        await press(pilot, *"mine", "ctrl+d", "y")
        assert picker(app).visible_rows == []
        assert "mine" not in presets.load_all()
        await press(pilot, "ctrl+d", "escape")
        await play(pilot, "/model")
        assert "Delete" not in picker(app).query_one(KeyFooter).render().plain
        await press(pilot, "ctrl+d", "ctrl+r")
        assert picker(app).visible_rows


async def test_escape_closes_the_list_and_arrows_choose(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        for seed in ("One", "Two", "Three"):
            await play(pilot, seed)
        await play(pilot, "/open")
        await press(pilot, "escape")
        assert app.session.passage.text().startswith("Three")
        await play(pilot, "/open")
        await pilot.press("down", "down", "up")
        assert app.screen.query_one(OptionList).highlighted == 1
        await press(pilot, "enter")
        await until(pilot, lambda: app.session.passage.text().startswith("Two"))


async def test_a_full_disk_is_said_once_and_the_text_is_kept_when_there_is_room(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        with limit_file_size(8192):
            for _ in range(3):
                await play(pilot, "")
        assert transcript_text(app).count("not autosaved") == 1
        assert len(app.session.passage.tokens()) == 240
        await play(pilot, "")
        await until(pilot, lambda: "autosave works again" in transcript_text(app))
        assert passage_db.load(1).passage.text() == app.session.passage.text()


async def test_a_bug_in_saving_costs_nobody_the_text(
    app: app_module.AfterglowApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(passage_db.PassageSaver, "save", broken)
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "")
        assert transcript_text(app).count("a bug, sorry") == 1
        assert len(app.session.passage.tokens()) == 120
    assert "KeyError" in log_file().read_text()


async def test_autosave_can_be_turned_off(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/autosave off")
        await play(pilot, "The lamp")
        app.autosave.save_now()
        assert not passage_db_file().exists()


async def test_leaving_keeps_what_came_last(slow: app_module.AfterglowApp) -> None:
    async with slow.run_test(size=SIZE) as pilot:
        await enter(pilot, "The lamp")
        await wait_for_tokens(pilot, slow, 5)
        pilot.app.simulate_key("ctrl+q")
        await until(pilot, lambda: slow._exit)
    slow.autosave.save_now()
    assert passage_db.load(1).passage.text() == slow.session.passage.text()


async def test_a_model_is_picked_by_its_card(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/model")
        cards = dict(picker(app).visible_rows)
        assert list(cards) == ["english", "holmes", "names", "shakespeare", "tolstoy"]
        assert "tinyshakespeare.txt · 1,115,394 characters" in cards["shakespeare"]
        await press(pilot, "down", "down", "down", "enter")
        await until(pilot, lambda: app.session.model.name == "shakespeare")


async def test_a_passage_is_reopened_as_it_was_set(app: app_module.AfterglowApp, tiny: Model) -> None:
    async with app.run_test(size=SIZE) as pilot:
        for line in ("The lamp", "/temp 1.3", "/heat rank", "/speed 77", "/lens off"):
            await play(pilot, line)
    again = app_module.AfterglowApp(Session(tiny, Settings(length=60, speed=0, rng=3)))
    async with again.run_test(size=SIZE) as pilot:
        await play(pilot, "/open 1")
        assert "restored temperature 1.30" in transcript_text(again)
        settings = again.session.settings
        assert (settings.temperature, settings.heat, settings.speed, settings.lens) == (1.3, "rank", 77, False)
        assert settings.rng == 3
        assert again.session.passage.rng == 7
        assert "T 1.30" in status_text(again)
        assert again.query_one(Legend).display
