"""The transcript: wrapping, growing, following, selecting."""

from __future__ import annotations

from functools import partial

import pytest
from afterglow.core.events import Token
from afterglow.repl.tui.text.blocks import Block
from afterglow.repl.tui.text.document_view import NARROW_MARGIN
from afterglow.repl.tui.text.listings import ListingBlock, lay_out_list
from afterglow.repl.tui.text.transcript import Transcript
from afterglow.repl.tui.text.wrapping import StyledText
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.geometry import Offset
from textual.selection import Selection

from .properties import examples


class Stage(App[None]):
    """Nothing but a transcript."""

    CSS = "Transcript { height: 1fr; overflow-x: hidden; scrollbar-gutter: stable; scrollbar-size-vertical: 1; }"

    def compose(self) -> ComposeResult:
        yield Transcript()


def lines_of(block: Block) -> list[str]:
    return [line.text for line in block.lines]


def token(text: str) -> Token:
    return Token(text, 0, -1.0, -1.0, 1, 1.0, 1.0)


def screen(app: App[None]) -> list[str]:
    transcript = app.query_one(Transcript)
    return [transcript.render_line(y).text.rstrip() for y in range(transcript.size.height)]


def test_text_wraps_behind_spaces_and_keeps_every_character() -> None:
    block = Block([StyledText("the lamp was lit and the sea was quiet")])
    block.wrap(12)
    assert lines_of(block) == ["the lamp was ", "lit and the ", "sea was ", "quiet"]


def test_a_word_longer_than_a_line_is_cut() -> None:
    block = Block([StyledText("a" * 25)])
    block.wrap(10)
    assert lines_of(block) == ["a" * 10, "a" * 10, "a" * 5]


def test_tabs_reach_the_next_stop() -> None:
    block = Block([StyledText("a\tbc\t"), StyledText("\td")])
    block.wrap(40)
    assert lines_of(block) == ["a   bc      d"]


def test_wide_characters_are_never_cut_in_half() -> None:
    block = Block([StyledText("日本語のテキスト")])
    block.wrap(5)
    assert [cell_len(text) for text in lines_of(block)] == [4, 4, 4, 4]


@given(st.lists(st.text("ab \n\té日\u0301👍\ufe0f", max_size=12), max_size=12), st.integers(4, 14))
@examples(100)
def test_growing_is_the_same_as_wrapping_all_at_once(parts: list[str], width: int) -> None:
    grown, whole = Block(), Block([StyledText("".join(parts))])
    grown.wrap(width)
    for part in parts:
        grown.grow([StyledText(part)], width)
    whole.wrap(width)
    assert "".join(lines_of(grown)) == "".join(lines_of(whole))
    if "".join(parts).isascii():
        assert lines_of(grown) == lines_of(whole)
    assert all(cell_len(text.rstrip(" \u0301\ufe0f")) <= width for text in lines_of(grown))


ROWS = [("temp", "below 1 strict, above 1 diverse"), ("length 500", "how many characters")]


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (44, ["temp        below 1 strict, above 1 diverse", "length 500  how many characters"]),
        (43, ["temp", "  below 1 strict, above 1 diverse", "length 500", "  how many characters"]),
        (24, ["temp", "  below 1 strict, above ", "  1 diverse", "length 500", "  how many characters"]),
    ],
)
def test_a_list_has_two_columns_where_they_fit(width: int, lines: list[str]) -> None:
    block = ListingBlock("settings", partial(lay_out_list, ROWS))
    block.wrap(width)
    assert lines_of(block) == ["", "settings", *lines]


async def test_control_characters_are_shown_and_not_obeyed() -> None:
    app = Stage()
    async with app.run_test(size=(40, 6)):
        transcript = app.query_one(Transcript)
        transcript.begin_text([StyledText("seed\x1b[2J\r\x07", "seed")])
        transcript.write([StyledText("\x9b31m [bold]", "text", token("\x9b31m [bold]"))])
        assert screen(app)[0] == "› seed␛[2J␍␇�31m [bold]"


async def test_notes_stand_below_the_text_that_grows() -> None:
    app = Stage()
    async with app.run_test(size=(40, 8)):
        transcript = app.query_one(Transcript)
        transcript.begin_text([StyledText("ROMEO:", "seed")])
        transcript.add_note("T 1.00 → 1.05", "temperature")
        transcript.write([StyledText(" a\nb")])
        transcript.add_note("T 1.05 → 1.10", "temperature")
        transcript.finish("T 1.10")
        assert screen(app)[:4] == ["› ROMEO: a", "  b", "· T 1.05 → 1.10", "  T 1.10"]


async def test_a_text_that_goes_on_moves_to_the_end() -> None:
    app = Stage()
    async with app.run_test(size=(40, 9)):
        transcript = app.query_one(Transcript)
        transcript.begin_text([StyledText("one", "seed")])
        transcript.finish("summary")
        transcript.add_note("in between")
        transcript.reopen()
        transcript.write([StyledText(" two")])
        assert screen(app)[:2] == ["· in between", "› one two"]


async def test_follows_its_end_until_the_reader_scrolls_up() -> None:
    app = Stage()
    async with app.run_test(size=(40, 6)) as pilot:
        transcript = app.query_one(Transcript)
        transcript.begin_text([StyledText("\n".join(map(str, range(50))))])
        await pilot.pause()
        assert screen(app)[-1].strip() == "49"
        transcript.scroll_to(y=10, animate=False)
        transcript.write([StyledText("\n50")])
        await pilot.pause()
        assert screen(app)[0].strip() == "10"
        transcript.scroll_end(animate=False)
        await pilot.pause()
        transcript.write([StyledText("\n51")])
        await pilot.pause()
        assert screen(app)[-1].strip() == "51"


@pytest.mark.parametrize("again", ["reopen", "begin_text"])
async def test_a_text_that_begins_or_goes_on_is_followed_by_a_reader_who_had_scrolled_up(again: str) -> None:
    app = Stage()
    async with app.run_test(size=(40, 6)) as pilot:
        transcript = app.query_one(Transcript)
        transcript.begin_text([StyledText("\n".join(map(str, range(50))))])
        await pilot.pause()
        transcript.scroll_to(y=10, animate=False)
        if again == "reopen":
            transcript.reopen()
        else:
            transcript.begin_text([StyledText("49")])
        transcript.write([StyledText("\n50")])
        await pilot.pause()
        assert [line.strip(" ›") for line in screen(app)[-2:]] == ["49", "50"]


async def test_a_resize_stays_at_the_same_words() -> None:
    app = Stage()
    async with app.run_test(size=(40, 6)) as pilot:
        transcript = app.query_one(Transcript)
        transcript.begin_text([StyledText("\n".join(f"{n} " + "word " * 20 for n in range(50)))])
        await pilot.pause()
        number = next(n for n, line in enumerate(transcript.lines) if line.text.startswith("20 "))
        transcript.scroll_to(y=number, animate=False)
        await pilot.pause()
        await pilot.resize_terminal(80, 10)
        await pilot.pause()
        assert screen(app)[0].strip().startswith("20 word")
        assert max(cell_len(line.text.rstrip()) for line in transcript.lines) <= transcript.size.width - NARROW_MARGIN


async def test_what_is_selected_is_joined_again_where_it_was_wrapped() -> None:
    app = Stage()
    async with app.run_test(size=(20, 6)):
        transcript = app.query_one(Transcript)
        transcript.begin_text([StyledText("the lamp was lit and the sea\nwas quiet")])
        chosen = transcript.get_selection(Selection(Offset(4, 0), Offset(3, 2)))
        assert chosen == ("lamp was lit and the sea\nwas", "\n")


async def test_two_hundred_thousand_tokens_and_a_long_line() -> None:
    """Appending costs the same at the end as at the beginning: what is above is not touched again."""
    app = Stage()
    async with app.run_test(size=(80, 24)) as pilot:
        transcript = app.query_one(Transcript)
        text = ("word " * 12 + "\n") * 3_000 + "x" * 10_000
        transcript.begin_text([StyledText(c, "text", token(c)) for c in text])
        before = list(transcript.lines)
        transcript.write([StyledText("y")])
        assert transcript.lines[: len(before) - 1] == before[:-1]
        await pilot.resize_terminal(50, 20)
        await pilot.pause()
        assert screen(app)[-1].strip().endswith("xy")


async def test_a_list_higher_than_the_screen_shows_its_beginning_until_a_text_begins() -> None:
    app = Stage()
    async with app.run_test(size=(40, 6)) as pilot:
        transcript = app.query_one(Transcript)
        transcript.begin_text([StyledText("\n".join("words"))])
        transcript.add_listing("numbers", [(str(number), "") for number in range(20)])
        await pilot.pause()
        assert [line.strip() for line in screen(app)[:3]] == ["numbers", "0", "1"]
        transcript.reopen()
        transcript.write([StyledText(" and more")])
        await pilot.pause()
        assert screen(app)[-1].strip() == "s and more"
