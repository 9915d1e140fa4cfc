"""The lens on the full screen: the token cursor, roads not taken, versions, heat and its legend, the margin."""

from __future__ import annotations

import pytest
from afterglow.core.model import Model
from afterglow.core.sanitize import token_label
from afterglow.core.session.lens import inspect_session
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.repl.tui import app as app_module
from afterglow.repl.tui.lens.lens_panel import Lens
from afterglow.repl.tui.prompt import PromptInput
from afterglow.repl.tui.status.legend import Legend
from afterglow.repl.tui.text.transcript import Transcript
from rich.color import ColorSystem

from .tui_helpers import SIZE, enter, lens_text, play, press, screen_lines, transcript_text, until, wait_for_tokens


async def test_before_a_text_the_lens_says_what_to_do(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE):
        assert "type a seed" in lens_text(app)


async def test_the_lens_shows_what_comes_next_as_it_is_set_now(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        found = inspect_session(app.session)
        assert found
        assert f"{found.effective_choices[0]:.1f} → {found.effective_choices[1]:.1f}" in lens_text(app)
        await play(pilot, "/temp 1.5")
        shaped = inspect_session(app.session)
        assert shaped
        assert f"{found.effective_choices[0]:.1f} → {shaped.effective_choices[1]:.1f}" in lens_text(app)
        await play(pilot, "/top-k 2")
        assert f"{app.session.model.tokenizer.size - 2} cut" in lens_text(app)
        assert lens_text(app).count("cut") > 2


async def test_the_cursor_moves_over_tokens_and_the_lens_tells_of_each(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        tokens = app.session.passage.tokens()
        await press(pilot, "left", "left")
        assert "token 59 of 60" in lens_text(app)
        assert f"{token_label(tokens[58].text)} rank {tokens[58].rank}" in lens_text(app)
        await press(pilot, "home")
        assert "token 1 of 60" in lens_text(app)
        await press(pilot, "left", "ctrl+right")
        assert app.token_cursor.token_index
        assert tokens[app.token_cursor.token_index - 1].text.isspace()
        await press(pilot, "end")
        assert "next token" in lens_text(app)
        await press(pilot, "escape")
        assert app.token_cursor.token_index is None


async def test_enter_on_a_candidate_takes_that_road(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        before = app.session.passage.tokens()
        await press(pilot, "home", *["right"] * 20)
        chosen = app.token_cursor.candidate_index
        await press(pilot, *(["down"] if chosen == 0 else ["up"]))
        chosen_pair = app.token_cursor.selection()
        assert chosen_pair is not None
        count, token = chosen_pair
        assert (count, token) != (20, before[20].id)
        await press(pilot, "enter")
        after = app.session.passage.tokens()
        assert [t.id for t in after[:21]] == [*(t.id for t in before[:20]), token]
        assert len(after) == 80
        assert app.token_cursor.token_index is None
        assert "version 2 of 2" in transcript_text(app)
        assert transcript_text(app).count("The lamp k") <= 1


async def test_with_the_lens_hidden_enter_takes_the_token_at_the_cursor(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        ids = [token.id for token in app.session.passage.tokens()]
        await press(pilot, "home", "f2", *["right"] * 20, "enter")
        assert [token.id for token in app.session.passage.tokens()[:21]] == ids[:21]
        assert "version 2 of 2" in transcript_text(app)


async def test_brackets_step_through_versions_and_past_the_last_write_another(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        app.session.set("temperature", 1.5)
        await play(pilot, "The lamp")
        first = app.session.passage.text()
        await press(pilot, "right_square_bracket")
        second = app.session.passage.text()
        assert first != second
        await press(pilot, "left_square_bracket")
        assert app.session.passage.text() == first
        assert first.split("\n")[0][:20] in transcript_text(app).replace("\n", "")
        await press(pilot, "alt+right")
        assert app.session.passage.text() == second
        await press(pilot, "left_square_bracket", "left_square_bracket")
        assert "this is the first version" in transcript_text(app)


async def test_letters_type_while_a_cursor_stands(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await press(pilot, "left", "a", "left", "b", "left_square_bracket")
        assert app.query_one(PromptInput).text == "b[a"
        assert app.token_cursor.token_index == 59


async def test_a_click_on_a_token_looks_at_it_and_two_on_a_candidate_take_it(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        transcript = app.query_one(Transcript)
        index = next(n for n, place in enumerate(transcript.token_spans) if n > 20 and place.end > place.start)
        paragraph, start, *_ = transcript.token_spans[index]
        lines = enumerate(transcript.lines)
        number, line = next((n, x) for n, x in lines if x.paragraph is paragraph and x.start <= start < x.end)
        column = 1 + transcript.margin_width + start - line.start
        await pilot.click(Transcript, offset=(column, number - transcript.scroll_offset.y))
        await pilot.pause()
        assert app.token_cursor.token_index == index
        await pilot.click(Lens, offset=(4, app.query_one(Lens).lens_layout.first_row + 2))
        await pilot.pause()
        assert app.token_cursor.candidate_index == 2
        await pilot.click(Lens, offset=(4, app.query_one(Lens).lens_layout.first_row + 2))
        await app.workers.wait_for_complete()
        assert len(app.session.passage.tokens()) == index + 60


async def test_a_look_at_a_text_that_is_being_written(slow: app_module.AfterglowApp) -> None:
    async with slow.run_test(size=SIZE) as pilot:
        await enter(pilot, "The lamp")
        await wait_for_tokens(pilot, slow, 30)
        await pilot.press("left", "left", "left")
        place = slow.token_cursor.token_index
        assert place is not None
        await wait_for_tokens(pilot, slow, place + 20)
        assert slow.token_cursor.token_index == place
        await pilot.press("escape")
        await until(pilot, lambda: not slow.playback.playing)
        assert slow.token_cursor.token_index == place
        await pilot.press("escape")
        assert slow.token_cursor.token_index is None


async def test_the_margin_shows_where_the_temperature_was_turned(tiny: Model) -> None:
    app = app_module.AfterglowApp(Session(tiny, Settings(rng=7, length=40, speed=0, lens=False)))
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "/temp 1.4")
        await play(pilot, "")
        turned = [line[1:5] for line in screen_lines(app) if line[1:5].strip()]
        assert turned in (["1.00", "1.40"], ["1.40"])
        kept = app.session.passage
        assert {token.temperature for token in kept.tokens()} == {1.0, 1.4}


async def test_the_lens_is_put_away_and_comes_back(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        whole = lens_text(app)
        assert whole.count("\n") > 8
        await press(pilot, "f2")
        assert not app.query_one(Lens).display
        await press(pilot, "f2")
        assert app.query_one(Lens).display
        assert lens_text(app) == whole
        await play(pilot, "/sweep 0.5 1")
        await press(pilot, "escape")
        assert lens_text(app) == whole


@pytest.mark.parametrize(("size", "beside"), [((40, 16), False), ((80, 24), True), ((160, 50), True)])
async def test_the_lens_folds_under_the_text_where_it_is_narrow(
    app: app_module.AfterglowApp, size: tuple[int, int], beside: bool
) -> None:
    async with app.run_test(size=size) as pilot:
        await play(pilot, "The lamp")
        text, glass = app.query_one(Transcript).region, app.query_one(Lens).region
        assert (glass.x >= text.right) == beside
        assert (glass.y >= text.bottom) != beside
        assert "others" in lens_text(app)
        assert text.height >= 3


@pytest.mark.parametrize("heat", ["surprise", "rank", "entropy", "temperature"])
async def test_heat_has_a_legend(app: app_module.AfterglowApp, heat: str) -> None:
    async with app.run_test(size=SIZE) as pilot:
        legend = app.query_one(Legend)
        assert not legend.display
        await play(pilot, f"/heat {heat}")
        assert legend.display
        assert "and more" in legend.render().plain
        await play(pilot, "/heat off")
        assert not legend.display


async def test_the_legend_has_the_colors_of_a_new_theme_at_once(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/heat surprise")
        legend, transcript = app.query_one(Legend), app.query_one(Transcript)
        before = legend.render_line(0)
        app.theme = "textual-light"
        await pilot.pause()
        after = legend.render_line(0)
        hottest = transcript.get_component_rich_style("transcript--heat4")
        assert after != before
        assert [segment.style.color for segment in after if segment.style and "7 and" in segment.text] == [
            hottest.color
        ]


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("COLORTERM", "truecolor"), ("TERM", "xterm-16color")])
async def test_levels_of_heat_differ_on_every_terminal(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, session: Session
) -> None:
    monkeypatch.delenv("COLORTERM", raising=False)
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", "auto")
    monkeypatch.setenv(name, value)
    app = app_module.AfterglowApp(session)
    async with app.run_test(size=SIZE):
        units = [app.query_one(Transcript).get_component_rich_style(f"transcript--unit{n}") for n in range(5)]
        assert len(set(map(str, units))) == 5
        looks = [app.query_one(Transcript).get_component_rich_style(f"transcript--heat{n}") for n in range(5)]
        weights = {(look.dim, look.italic, look.bold, look.reverse) for look in looks}
        assert len({(look.color, look.dim, look.italic, look.bold, look.reverse) for look in looks}) == 5
        sent = [look.color.downgrade(ColorSystem.STANDARD).number for look in looks if look.color]
        assert name != "TERM" or sent[1:] == [3, 11, 11, 11]  # yellow, and its bright form
        assert len(weights) == {"NO_COLOR": 5, "COLORTERM": 1, "TERM": 3}[name]
        assert not any(look.underline for look in looks)


async def test_the_lens_is_drawn_again_when_the_terminal_grows(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=(50, 16)) as pilot:
        await play(pilot, "The lamp")
        await pilot.resize_terminal(100, 24)
        await until(pilot, lambda: "drawn&#160;%" in app.export_screenshot())


async def test_the_lens_is_drawn_again_when_a_line_below_it_takes_a_row(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await press(pilot, "ctrl+j", "ctrl+j")
        lens = app.query_one(Lens)
        drawn = [strip.text[lens.region.x :].strip() for strip in app.screen._compositor.render_strips()]
        assert drawn[: lens.size.height] == [line.strip() for line in lens_text(app).split("\n")]


async def test_a_past_token_is_shown_with_the_filters_of_then(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/top-k 3")
        await play(pilot, "The lamp")
        size = app.session.model.tokenizer.size
        await press(pilot, "left", "left")
        assert f"{size - 3} cut" in lens_text(app)
        assert "then" not in lens_text(app)
        await play(pilot, "/top-k 0")
        assert f"{size - 3} cut" in lens_text(app)
        assert "then top-k 3" in lens_text(app)
        await play(pilot, "/temp 1.3")
        assert "then T 1.00, top-k 3" in lens_text(app)
        await press(pilot, "escape")
        assert "cut" not in lens_text(app)
