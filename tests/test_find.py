"""/find and Ctrl-F: words in the passage, over line breaks, from one place to the next."""

from __future__ import annotations

import pytest
from afterglow.core.commands.effects import Find
from afterglow.core.errors import CommandError
from afterglow.core.session.passage import Node
from afterglow.core.session.session import Session
from afterglow.core.text.find import find_all, find_lines
from afterglow.repl.tui.app import AfterglowApp
from afterglow.repl.tui.prompt import PromptInput
from afterglow.repl.tui.status.status_line import StatusLine
from afterglow.repl.tui.sweep_view import SweepView
from afterglow.repl.tui.text.transcript import Transcript

from .cli_helpers import RunCli
from .test_explain import TINY
from .tui_helpers import SIZE, play, press, transcript_text, wait_until_idle


@pytest.mark.parametrize(
    ("text", "query", "places"),
    [
        ("The lamp, the Lamp", "lamp", ["lamp", "Lamp"]),
        ("The lamp, the Lamp", "Lamp", ["Lamp"]),
        ("to be\nor not\n\nto be", "not to", ["not\n\nto"]),
        ("a.b a+b", "a.b", ["a.b"]),
        ("aaaa", "aa", ["aa", "aa"]),
        ("STRASSE é É", "é", ["é", "É"]),
        ("a b", "   ", []),
        ("", "a", []),
    ],
)
def test_places(text: str, query: str, places: list[str]) -> None:
    assert [text[start:end] for start, end in find_all(text, query)] == places


def test_lines_with_a_place_are_numbered_and_listed_once() -> None:
    assert list(find_lines("a lamp, a lamp\nno\n\nlamp", "lamp")) == [(1, "a lamp, a lamp"), (4, "lamp")]
    assert list(find_lines("one\ntwo", "one two")) == [(1, "one")]
    ((_, cut),) = find_lines("x" * 100 + "lamp" + "y" * 100, "lamp")
    assert cut == f"…{'x' * 60}lamp{'y' * 60}…"


def test_a_query_that_is_not_there_is_an_error_and_so_is_none() -> None:
    for query, message in (("moth", "'moth' is not in the text"), ("", "usage: /find TEXT")):
        with pytest.raises(CommandError, match=message):
            _ = Find(query, "the lamp").plain


def test_a_script_lists_the_lines(run: RunCli) -> None:
    ran = run("-m", TINY, "-l", "5", "--rng", "7", stdin=b"The lamp\n/find LAMP\n/find lamp\n")
    assert "'LAMP' is not in the text" in ran.err
    assert "1 line with 'lamp'\n  1  The lamp" in ran.out


VERSE = "\n".join(f"line {number} of the lamp" if number % 3 else f"the Sea {number}" for number in range(60))


@pytest.fixture
def verse(session: Session) -> AfterglowApp:
    """The full screen with sixty lines, twenty with a capital."""
    session.set("lens", False)
    session.passage.add(Node(None, seed=VERSE))
    return AfterglowApp(session)


def chosen(app: AfterglowApp) -> list[str]:
    """Return what is highlighted as the chosen place in the visible lines, with the whole line."""
    transcript = app.query_one(Transcript)
    style = transcript.get_component_rich_style("transcript--match-chosen")
    strips = [transcript.render_line(y) for y in range(transcript.size.height)]
    return [
        f"{segment.text}: {' '.join(strip.text.strip(' ›').split())}"
        for strip in strips
        for segment in strip
        if segment.style and segment.style.reverse and segment.style.color == style.color
    ]


async def test_find_goes_from_one_place_to_the_next_and_round(verse: AfterglowApp) -> None:
    async with verse.run_test(size=SIZE) as pilot:
        await press(pilot, "ctrl+f")
        assert verse.query_one(PromptInput).text == "/find "
        await press(pilot, *"sea", "enter")
        assert chosen(verse) == ["Sea: the Sea 0"]
        assert verse._view.finder.summary == "match 1 of 20"
        await press(pilot, "ctrl+f", "down")
        assert chosen(verse) == ["Sea: the Sea 6"]
        await press(pilot, "up", "up", "up")
        assert chosen(verse) == ["Sea: the Sea 57"]
        await play(pilot, "/find")
        assert verse._view.finder.summary == "match 1 of 20"


async def test_the_number_of_the_place_is_in_the_status_line_until_esc(verse: AfterglowApp) -> None:
    async with verse.run_test(size=SIZE) as pilot:
        await play(pilot, "/find sea")
        assert ("activity", "match 1 of 20") in verse.query_one(StatusLine).status.notes
        await press(pilot, "escape")
        assert ("activity", "ready") in verse.query_one(StatusLine).status.notes
        assert chosen(verse) == []


async def test_a_text_that_begins_ends_the_search(verse: AfterglowApp) -> None:
    async with verse.run_test(size=SIZE) as pilot:
        await play(pilot, "/find Sea")
        await play(pilot, "")
        assert not verse._view.finder.active


async def test_what_is_not_found_leaves_nothing_highlighted_and_the_line_to_mend(verse: AfterglowApp) -> None:
    async with verse.run_test(size=SIZE) as pilot:
        await play(pilot, "/find sea")
        await play(pilot, "/find moths")
        assert "'moths' is not in the text" in transcript_text(verse)
        assert not verse._view.finder.active
        assert verse.query_one(PromptInput).text == "/find moths"


async def test_a_place_over_a_line_break_is_highlighted_in_both_lines(verse: AfterglowApp) -> None:
    async with verse.run_test(size=SIZE) as pilot:
        await play(pilot, "/find lamp the Sea 3")
        assert chosen(verse) == ["lamp: line 2 of the lamp", "the Sea 3: the Sea 3"]


async def test_a_sweep_that_hides_the_text_is_not_closed(verse: AfterglowApp) -> None:
    async with verse.run_test(size=SIZE) as pilot:
        await play(pilot, "/sweep 0.5 1")
        verse.run_line("/find sea")
        await wait_until_idle(pilot)
        assert verse.query_one(SweepView).display
        assert "a sweep hides the text" in transcript_text(verse)


async def test_an_arrow_puts_the_cursor_on_what_was_found(app: AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        word = app.session.passage.text()[20:].split()[1]
        await play(pilot, f"/find {word}")
        await press(pilot, "left")
        tokens = app.session.passage.tokens()
        assert app.token_cursor.token_index is not None
        assert "".join(token.text for token in tokens[app.token_cursor.token_index :]).startswith(word)
