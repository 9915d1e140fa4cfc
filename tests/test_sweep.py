"""A sweep: one seed, one batch, the same dice; what each column says is what the passage would have said at that T."""

from __future__ import annotations

from typing import Any

import pytest
from afterglow.core.commands.effects import Compare
from afterglow.core.errors import CommandError
from afterglow.core.model import Model
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.repl.tui import app as app_module
from afterglow.repl.tui.prompt import PromptInput
from afterglow.repl.tui.sweep_view import SweepView
from afterglow.repl.tui.text.transcript import Transcript

from .tui_helpers import SIZE, enter, play, press, stop, transcript_text, until, wait_for_tokens, wait_until_idle

TEMPERATURES = (0.0, 0.5, 1.0, 1.6)


@pytest.fixture
def told(session: Session) -> Session:
    """A session with a text."""
    list(session.write_from("The lamp"))
    return session


@pytest.mark.parametrize("more", [{}, {"finish": "sentence", "ban": ("q",), "bias": (("a", 1.0),)}], ids=["", "ends"])
def test_every_column_is_what_the_seed_gives_at_its_temperature(
    told: Session, tiny: Model, more: dict[str, Any]
) -> None:
    told.set_all(told.settings.changed(**more))
    sweep = told.sweep(TEMPERATURES)
    list(sweep.play())
    for column in sweep.columns:
        alone = Session(tiny, Settings(rng=7, length=60, temperature=column.settings.temperature, **more))
        list(alone.write_from("The lamp"))
        assert alone.passage.text() == "The lamp" + column.text
        assert column.reason == "length"


def test_columns_grow_side_by_side(told: Session) -> None:
    sweep = told.sweep(TEMPERATURES)
    for number, _ in enumerate(sweep.play()):
        assert {len(column.tokens) for column in sweep.columns} == {min(number + 1, 60)}


def test_one_after_another_is_the_same_as_side_by_side(told: Session) -> None:
    together, apart = told.sweep(TEMPERATURES), told.sweep(TEMPERATURES)
    list(together.play())
    for number in range(len(TEMPERATURES)):
        list(apart.play_column(number))
    assert [c.text for c in together.columns] == [c.text for c in apart.columns]


def test_where_the_columns_part(told: Session) -> None:
    sweep = told.sweep(TEMPERATURES)
    list(sweep.play())
    parted = sweep.first_difference()
    assert parted is not None
    assert len({column.text[:parted] for column in sweep.columns}) == 1
    assert len({column.text[parted] for column in sweep.columns}) > 1
    assert told.sweep((1.0, 1.0)).first_difference() is None


def test_a_column_is_gone_on_with_as_a_version_of_the_first_text(told: Session, tiny: Model) -> None:
    first = told.passage.text()
    sweep = told.sweep(TEMPERATURES)
    list(sweep.play())
    told.pick(sweep, 3)
    picked = told.passage.text()
    assert picked == "The lamp" + sweep.columns[3].text
    assert told.settings.temperature == 1.6
    list(told.continue_())
    alone = Session(tiny, Settings(rng=7, length=60, temperature=1.6))
    list(alone.write_from("The lamp"))
    list(alone.continue_())
    assert told.passage.text() == alone.passage.text()
    told.passage.undo()
    told.switch_version(-1)
    assert told.passage.text() == first


def test_stop_ends_all_columns_and_keeps_what_is_there(told: Session) -> None:
    sweep = told.sweep(TEMPERATURES)
    for number, _ in enumerate(sweep.play()):
        if number == 9:
            told.stop()
    assert {len(column.tokens) for column in sweep.columns} == {10}
    assert {column.reason for column in sweep.columns} == {"stopped"}


def test_one_after_another_a_stop_ends_a_column_and_begins_no_other(told: Session) -> None:
    plays = Compare(told.sweep(TEMPERATURES)).plays
    next(plays)
    events = next(plays).events
    next(events)
    told.stop()
    assert [getattr(event, "reason", "") for event in events] == ["stopped"]
    assert list(plays) == []


def test_without_a_text_there_is_nothing_to_sweep(session: Session) -> None:
    with pytest.raises(CommandError, match="type a seed"):
        session.sweep(TEMPERATURES)


# On the screen ------------------------------------------------------------------------------------------------------


async def test_a_sweep_stands_in_columns_and_one_is_picked(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "/sweep 0.2 1.0 1.6")
        columns = app.query_one(SweepView)
        assert columns.display
        assert columns.sweep
        texts = [column.text for column in columns.sweep.columns]
        shown = ["".join(line.text for line in page._transcript.lines) for page in columns._columns]
        assert [text.replace(" ", "") for text in shown] == [
            f"Thelamp{text}".replace("\n", "").replace(" ", "") for text in texts
        ]
        heads = [str(page._head.content) for page in columns._columns]
        assert [head[:11] for head in heads] == ["T 0.20  [1]", "T 1.00  [2]", "T 1.60  [3]"]
        await press(pilot, "right", "right", "left", "enter")
        assert not columns.display
        assert app.session.passage.text() == f"The lamp{texts[1]}"
        assert "T 1.00 picked" in transcript_text(app)


async def test_the_character_where_columns_part_is_marked(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "/sweep 0 1 2")
        sweep = app.query_one(SweepView).sweep
        assert sweep
        for page in app.query_one(SweepView)._columns:
            assert page._transcript._token_highlight.index == sweep.first_difference()


async def test_the_setting_heat_colors_the_columns_too(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "/sweep 0.5 1.5")
        for heat in ("surprise", "off"):
            app.run_line(f"/heat {heat}")
            await wait_until_idle(pilot)
            looks = {run.style for page in app.query_one(SweepView)._columns for run in page._transcript.render_line(1)}
            hot = {app.query_one(Transcript).heat_style(f"heat{level}").color for level in range(1, 5)}
            assert bool(hot & {look.color for look in looks if look}) == (heat != "off")


async def test_a_digit_picks_and_escape_leaves(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        first = app.session.passage.text()
        await play(pilot, "/sweep 0 1 2")
        await press(pilot, "escape")
        assert not app.query_one(SweepView).display
        assert app.session.passage.text() == first
        await press(pilot, "3")
        assert app.query_one(PromptInput).text == "3"
        app.query_one(PromptInput).text = ""
        await play(pilot, "/sweep 0 1 2")
        await press(pilot, "3")
        assert app.session.settings.temperature == 2


async def test_a_sweep_stops_the_text_and_can_be_stopped(slow: app_module.AfterglowApp) -> None:
    async with slow.run_test(size=SIZE) as pilot:
        await enter(pilot, "The lamp")
        await wait_for_tokens(pilot, slow, 5)
        passage = slow.session.passage
        await enter(pilot, "/sweep 0.2 1.2")
        columns = slow.query_one(SweepView)
        await until(pilot, lambda: columns.sweep and len(columns.sweep.columns[0].tokens) > 5)
        await stop(pilot, slow)
        assert slow.session.passage is passage
        assert columns.sweep
        assert all(column.reason == "stopped" for column in columns.sweep.columns)
        await enter(pilot, "/undo")
        await until(pilot, lambda: not columns.display)
        assert slow.query_one(Transcript).display


@pytest.mark.parametrize(("width", "shown"), [(60, 2), (40, 2), (20, 1), (80, 4)])
async def test_columns_that_do_not_fit_are_reached_with_the_arrows(
    app: app_module.AfterglowApp, width: int, shown: int
) -> None:
    app.session.set("length", 400)
    async with app.run_test(size=(width, 12)) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "/sweep 0.2 0.5 0.8 1.2")
        view = app.query_one(SweepView)
        seen = set()
        for chosen in range(4):
            visible = [column.number for column in view._columns if column.display]
            assert len(visible) == shown
            assert chosen in visible
            assert all(column.region.width >= 19 for column in view._columns if column.display)
            heads = [str(view._columns[number]._head.content).split("\n")[0] for number in (visible[0], visible[-1])]
            assert ("‹" in heads[0], "›" in heads[1]) == (visible[0] > 0, visible[-1] < 3)
            texts = [column._transcript for column in view._columns if column.display]
            await until(pilot, lambda texts=texts: all(text.is_vertical_scroll_end for text in texts))
            seen |= set(visible)
            await press(pilot, "right")
        assert seen == {0, 1, 2, 3}
        await press(pilot, "left", "left", "left")
        assert view._columns[0].display
        assert not view._columns[3].display or shown == 4


@pytest.mark.parametrize("colorless", [False, True])
async def test_the_chosen_column_is_bold_and_reverse_only_without_colors(
    session: Session, monkeypatch: pytest.MonkeyPatch, colorless: bool
) -> None:
    if colorless:
        monkeypatch.setenv("NO_COLOR", "1")
    app = app_module.AfterglowApp(session)
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "/sweep 0.2 0.5")
        first, second = (column._head.rich_style for column in app.query_one(SweepView)._columns)
        assert (bool(first.bold), bool(first.reverse)) == (True, colorless)
        assert (bool(second.bold), bool(second.reverse)) == (False, False)
        assert first.bgcolor == second.bgcolor
