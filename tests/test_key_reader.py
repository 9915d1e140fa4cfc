"""Whatever bytes a keyboard, a mouse or a paste sends, the full screen goes on, and a paste is text."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Iterator
from itertools import pairwise
from threading import Event

import pytest
from afterglow.core.paths import log_file
from afterglow.repl.ending_signals import LOST_TERMINAL
from afterglow.repl.tui.app import AfterglowApp
from afterglow.repl.tui.prompt import PromptInput
from afterglow.repl.tui.terminal import key_reader
from afterglow.repl.tui.terminal.key_reader import KeyReader, register_alt_keys
from hypothesis import given
from hypothesis import strategies as st
from textual import _parser, _xterm_parser
from textual.driver import Driver
from textual.events import Key, MouseMove, Paste, Resize
from textual.message import Message

from .properties import examples
from .tui_helpers import SIZE, until

BEGIN, END = b"\x1b[200~", b"\x1b[201~"

REPORTS = (
    *(b"\x1b[97:65;2;65u", b"\x1b[97;5u", b"\x1b[57399;1;1114112u", b"\x1b[99999999999;5u", b"\x1b[1;5A", b"\x1bOP"),
    *(b"\x1b[48;24;80;480;800t", b"\x1b[48;0;0;0;0t", b"\x1b[48;9999999;9999999;1;1t", b"\x1b[48;24;80;0;0t"),
    *(b"\x1b[<35;10;10M", b"\x1b[<0;99999999999999999999;1M", b"\x1b[<64;1;-9m", b"\x1b[M !!", b"\x1b[12;5R"),
    *(b"\x1b[?2048;1$y", b"\x1b[?2026;2$y", b"\x1b[I", b"\x1b[O", b"\x1b", "é日👍".encode(), b"\xe9", b"\xff\xfe"),
)
"""Reports of keys, sizes, the mouse and the terminal, possible ones and impossible ones."""


def read(reader: KeyReader, data: bytes, *cuts: int) -> list[Message]:
    """Feed ``data``, cut at these places, and return the messages."""
    bounds = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [message for a, b in pairwise(bounds) for message in reader.feed(data[a:b])]


def typed(messages: list[Message]) -> str:
    """Return the characters that keys typed."""
    return "".join(message.character or "" for message in messages if isinstance(message, Key))


@st.composite
def noise(draw: st.DrawFn) -> bytes:
    """Reports one after another, some of them changed."""
    data = bytearray(b"".join(draw(st.lists(st.sampled_from(REPORTS) | st.binary(max_size=8), max_size=6))))
    for place, byte, insert in draw(
        st.lists(st.tuples(st.integers(0), st.integers(0, 255), st.booleans()), max_size=4)
    ):
        place %= len(data) + 1
        data[place : place if insert else place + 1] = bytes([byte])
    return bytes(data)


@examples(300)
@given(data=noise(), cuts=st.lists(st.integers(0), max_size=4))
def test_any_bytes_are_read_and_the_next_key_acts(data: bytes, cuts: list[int]) -> None:
    reader = KeyReader()
    read(reader, data, *cuts)
    after = read(reader, END + b"\x1b[200~x" + END)  # an unfinished report or character ends at the latest here
    assert isinstance(after[-1], Paste)
    assert after[-1].text == "x"
    assert typed(read(reader, b"y")) == "y"


@examples(200)
@given(text=st.binary(max_size=40), cuts=st.lists(st.integers(0), max_size=4))
def test_all_between_the_marks_of_a_paste_is_its_text(text: bytes, cuts: list[int]) -> None:
    messages = read(KeyReader(), b"a" + BEGIN + text + END + b"b", *cuts)
    pastes = [message.text for message in messages if isinstance(message, Paste)]
    assert pastes == [text.partition(END)[0].decode("utf-8", "replace").replace("\0", "")] or END in text
    assert typed(messages)[0] == "a"
    assert typed(messages)[-1] == "b"


def test_a_byte_that_is_not_utf_8_is_a_replacement_character() -> None:
    assert typed(read(KeyReader(), b"caf\xe9 noir")) == "caf\ufffd noir"


def test_a_report_that_cannot_be_costs_no_key_beside_it() -> None:
    assert typed(read(KeyReader(), b"a\x1b[97:65;2;65ub\x1b[1114112uc")) == "abc"


def test_an_impossible_size_is_left_out_and_the_mouse_stays_right() -> None:
    reader = KeyReader()
    first = read(reader, b"\x1b[48;24;80;480;800t\x1b[<35;411;201M")
    again = read(reader, b"\x1b[48;0;0;0;0t\x1b[48;99999;80;480;800t\x1b[<35;411;201M")
    assert [type(message) for message in (*first, *again)] == [Resize, MouseMove, MouseMove]
    assert [(move.x, move.y) for move in (first[1], again[0]) if isinstance(move, MouseMove)] == [(41, 10)] * 2


def test_a_paste_that_never_ends_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(key_reader.time, "monotonic", lambda: now)
    reader = KeyReader()
    assert read(reader, BEGIN + b"half") == []
    now = 1.0
    assert list(reader.tick()) == []
    now = 100.0
    (paste,) = reader.tick()
    assert isinstance(paste, Paste)
    assert paste.text == "half"
    assert typed(read(reader, b"y")) == "y"


async def test_the_app_takes_all_that_is_read(app: AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        reader = KeyReader()
        for data in (*REPORTS, b"\x1b[48;24;80;480;800t", BEGIN + b"\x1b[31mred\x07\x11\r" + END):
            for message in reader.feed(data):
                assert app._driver
                app._driver.process_message(message)
        await pilot.pause()
        prompt = app.query_one(PromptInput)
        assert prompt.text.endswith("␛[31mred␇␑\n")
        prompt.clear()
        await pilot.press("escape")  # one of the reports is F1
        for message in reader.feed(b"still here"):
            app._driver.process_message(message)
        await pilot.pause()
        assert prompt.text == "still here"


def test_alt_and_a_letter_is_one_key_also_in_quick_succession(monkeypatch: pytest.MonkeyPatch) -> None:
    table = dict(_xterm_parser.ANSI_SEQUENCES_KEYS)
    for module in (key_reader, _xterm_parser):
        monkeypatch.setattr(module, "ANSI_SEQUENCES_KEYS", table)
    register_alt_keys()
    messages = read(KeyReader(), b"\x1bd\x1bd\x1bx\x1bQ\x1b1a\x1b[A\x1bOP\x1b\r")
    keys = [message.key for message in messages if isinstance(message, Key)]
    assert keys == ["alt+d", "alt+d", "alt+x", "alt+shift+q", "alt+1", "a", "up", "f1", "ctrl+j"]
    assert typed(messages) == "a"


def test_esc_and_a_character_right_after_it_are_two_keys() -> None:
    messages = read(KeyReader(), b"\x1b/x\x1b[24;1R\x1b\x1b-\x1b \x1b.\x1b[A")
    keys = [message.key for message in messages if isinstance(message, Key)]
    expected = "escape slash x escape escape minus escape space escape full_stop up"
    assert " ".join(keys) == expected
    assert typed(messages).replace("\x1b", "") == "/x- ."


def test_esc_and_a_later_character_are_two_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_parser, "get_time", lambda: math.inf)  # the time after which Esc is a key has passed
    reader = KeyReader()
    messages = [*read(reader, b"\x1b"), *reader.tick(), *read(reader, b"/")]
    assert [message.key for message in messages if isinstance(message, Key)] == ["escape", "slash"]


async def test_a_bug_in_reading_is_told_and_the_next_key_acts(
    app: AfterglowApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal_driver = pytest.importorskip("afterglow.repl.tui.terminal.terminal_driver", exc_type=ImportError)
    read = KeyReader.feed

    def feed(reader: KeyReader, data: bytes) -> Iterator[Message]:
        if data == b"!":
            raise LookupError("no such thing")
        return read(reader, data)

    monkeypatch.setattr(KeyReader, "feed", feed)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        terminal, keyboard = os.pipe()
        driver = terminal_driver.TerminalDriver.__new__(terminal_driver.TerminalDriver)
        Driver.__init__(driver, app)
        driver.fileno, driver.exit_event = terminal, Event()
        reading = asyncio.create_task(asyncio.to_thread(driver.run_input_thread))
        try:
            os.write(keyboard, b"!")
            await until(pilot, lambda: "LookupError: no such thing" in str([n.message for n in app._notifications]))
            os.write(keyboard, b"a")
            await until(pilot, lambda: app.query_one(PromptInput).text == "a")
        finally:
            os.close(keyboard)
            await reading
            os.close(terminal)
    assert "LookupError" in log_file().read_text("utf-8")
    assert app.return_code == LOST_TERMINAL
