"""Text selected with the mouse, and copied."""

from __future__ import annotations

import pytest
from afterglow.core.model import Model
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.repl.tui.app import AfterglowApp
from afterglow.repl.tui.lens.lens_panel import Lens
from afterglow.repl.tui.text.transcript import Transcript
from textual.geometry import Offset
from textual.pilot import Pilot

from .tui_helpers import SIZE, play, transcript_text

SEED = "the lamp was lit, and\nthe sea was quiet"


@pytest.fixture
def lit(tiny: Model) -> AfterglowApp:
    """The full screen with the lens, and a model that writes ten characters."""
    return AfterglowApp(Session(tiny, Settings(rng=7, length=10, speed=0, lens=True)))


def place_of(app: AfterglowApp, text: str) -> Offset:
    """Return the place on the screen at which a text begins."""
    transcript = app.query_one(Transcript)
    region = transcript.scrollable_content_region
    rows = [transcript.render_line(y).text for y in range(transcript.size.height)]
    row = next(number for number, line in enumerate(rows) if text in line)
    return Offset(region.x + rows[row].index(text), region.y + row)


async def drag(pilot: Pilot[None], start: Offset, end: Offset) -> str:
    """Drag the mouse from one place to another, and copy what it selects."""
    await pilot.mouse_down(offset=start)
    await pilot.hover(offset=end)
    await pilot.mouse_up(offset=end)
    pilot.app._clipboard = ""
    await pilot.press("ctrl+c")
    return pilot.app.clipboard


async def double_click(pilot: Pilot[None], text: str, times: int = 2) -> None:
    """Click on a text in the transcript twice, or more often."""
    assert isinstance(pilot.app, AfterglowApp)
    place = place_of(pilot.app, text) - pilot.app.query_one(Transcript).region.offset
    await pilot.click(Transcript, offset=place, times=times)


@pytest.mark.parametrize(
    ("to", "selected"),
    [
        ("scrollbar", "lamp was lit, and"),
        ("lens", "lamp was lit, and"),
        ("margin of the next line", "lamp was lit, and\nt"),
    ],
)
async def test_a_drag_beyond_the_text_selects_to_the_end_of_the_line(lit: AfterglowApp, to: str, selected: str) -> None:
    async with lit.run_test(size=SIZE) as pilot:
        await play(pilot, SEED)
        start = place_of(lit, "lamp")
        transcript = lit.query_one(Transcript).region
        ends = {
            "scrollbar": Offset(transcript.right - 1, start.y),
            "lens": Offset(lit.query_one(Lens).region.x + 3, start.y),
            "margin of the next line": Offset(transcript.x, start.y + 1),
        }
        assert await drag(pilot, start, ends[to]) == selected


async def test_a_drag_below_the_text_selects_to_its_end_and_no_other_widget(lit: AfterglowApp) -> None:
    async with lit.run_test(size=SIZE) as pilot:
        await play(pilot, SEED)
        transcript = lit.query_one(Transcript)
        for y in (transcript.region.bottom - 1, transcript.region.bottom, SIZE[1] - 1):
            last_line = transcript.lines[-1].text
            copied = await drag(pilot, place_of(lit, "lamp"), Offset(2, y))
            assert copied.startswith("lamp was lit, and\nthe sea was quiet")
            assert copied.endswith(f"\n{last_line}")


async def test_a_drag_that_begins_beside_the_text_selects_nothing(lit: AfterglowApp) -> None:
    async with lit.run_test(size=SIZE) as pilot:
        await play(pilot, SEED)
        lens = lit.query_one(Lens).region
        assert await drag(pilot, Offset(lens.x + 2, lens.y + 2), place_of(lit, "lamp")) == ""
        await pilot.click(Lens, offset=(2, 1), times=2)
        await pilot.press("ctrl+c")
        assert lit.clipboard == ""


@pytest.mark.parametrize(("clicks", "selected"), [(2, "lamp"), (3, "the lamp was lit, and")])
async def test_two_clicks_select_a_word_and_three_a_line(lit: AfterglowApp, clicks: int, selected: str) -> None:
    async with lit.run_test(size=SIZE) as pilot:
        await play(pilot, SEED)
        await double_click(pilot, "amp", clicks)
        await pilot.press("ctrl+c")
        assert lit.clipboard == selected
        assert f"copied {len(selected)} characters" in transcript_text(lit)


async def test_a_selection_ends_if_the_lines_under_it_move(lit: AfterglowApp) -> None:
    async with lit.run_test(size=SIZE) as pilot:
        await play(pilot, SEED)
        await double_click(pilot, "lamp")
        assert lit.screen.get_selected_text() == "lamp"
        await pilot.resize_terminal(50, 24)
        await pilot.pause()
        assert not lit.screen.get_selected_text()


@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark", "ansi-light"])
async def test_selected_text_is_readable(lit: AfterglowApp, theme: str) -> None:
    async with lit.run_test(size=SIZE) as pilot:
        lit.theme = theme
        await play(pilot, SEED)
        await double_click(pilot, "lamp")
        transcript = lit.query_one(Transcript)
        strips = [transcript.render_line(y) for y in range(transcript.size.height)]
        (selected,) = [segment for strip in strips for segment in strip if segment.text == "lamp"]
        assert selected.style
        assert selected.style.color != selected.style.bgcolor
        assert selected.style.bgcolor != transcript.rich_style.bgcolor
