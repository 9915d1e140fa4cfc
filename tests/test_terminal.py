"""The full screen in a real terminal: a pseudo-terminal, a process of its own, and what it left on disk."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from afterglow.core.errors import StorageError
from afterglow.core.session import passage_db
from afterglow.core.session.passage import Passage

from .hostile_text import PAYLOADS, hostile_model
from .terminal_helpers import Terminal


@pytest.fixture
def opened() -> Iterator[Callable[..., Terminal]]:
    """Makes terminals, and ends those that are left."""
    made: list[Terminal] = []

    def make(*options: str, **more: str) -> Terminal:
        made.append(Terminal(*options, **more))
        made[-1].begin()
        return made[-1]

    yield make
    for terminal in made:
        terminal.child.close(force=True)


def saved(number: int = 1) -> Passage | None:
    """The autosaved passage, if there is one yet."""
    try:
        return passage_db.load(number).passage if passage_db.search_passages() else None
    except StorageError:
        return None


def count(number: int = 1) -> int:
    """How many tokens of it are saved."""
    passage = saved(number)
    return len(passage.tokens()) if passage else 0


def temperatures() -> list[float]:
    """The T that drew each saved token."""
    passage = saved()
    return [token.temperature for token in passage.tokens()] if passage else []


def test_a_temperature_typed_while_text_streams_draws_the_tokens_that_follow(opened: Callable[..., Terminal]) -> None:
    terminal = opened("--length", "100000", "--speed", "60", "-t", "0.8")
    terminal.type("The lamp\r")
    terminal.until(lambda: count() > 20)
    terminal.type("/temp 1.2\r")
    terminal.until(lambda: temperatures()[-20:] == [1.2] * 20)
    terminal.until(lambda: "0.80 → 1.20" in terminal.screen)
    terminal.type("\x1b")
    time.sleep(0.3)
    terminal.leave()
    drawn = temperatures()
    assert set(drawn) == {0.8, 1.2}
    assert drawn == sorted(drawn)
    assert drawn.count(0.8) >= 20


def test_what_was_there_before_kill_is_there_again_cursor_tree_and_dice(opened: Callable[..., Terminal]) -> None:
    terminal = opened("--length", "60", "--speed", "0")
    terminal.type("The lamp\r")
    terminal.until(lambda: count() == 60)
    terminal.type("\x12")
    terminal.until(lambda: (found := saved()) and len(found.nodes) == 3 and len(found.nodes[2].tokens) == 60)
    terminal.type("[")
    terminal.until(lambda: (found := saved()) and found.cursor == 1)
    terminal.type("/temp 1.35\r")
    terminal.until(lambda: (found := saved()) and found.settings and found.settings.temperature == 1.35)
    before = saved()
    os.kill(terminal.child.pid, signal.SIGKILL)
    terminal.until(lambda: not terminal.child.isalive())
    again = opened("--length", "60", "--speed", "0")
    again.until(lambda: "/open continues" in again.screen)
    again.type("/open 1\r")
    again.until(lambda: "opened #1" in again.screen)
    assert saved() == before
    assert "restored temperature 1.35" in " ".join(again.screen.split())
    again.type("\r")
    again.until(lambda: count() == 120)
    again.leave()
    assert "is saved; go on with: afterglow --continue" in again.screen
    found = saved()
    assert found
    assert before
    assert found.text().startswith(before.text())
    assert found.rng == before.rng == 7
    assert temperatures()[60:] == [1.35] * 60


def test_a_stream_that_is_killed_leaves_all_but_its_last_second(opened: Callable[..., Terminal]) -> None:
    terminal = opened("--length", "100000", "--speed", "100")
    terminal.type("The lamp\r")
    terminal.until(lambda: count() > 150)
    kept = count()
    os.kill(terminal.child.pid, signal.SIGKILL)
    assert count() >= kept


@pytest.mark.parametrize("term", ["xterm-256color", "screen", "tmux-256color", "linux", "xterm-16color", "vt100"])
def test_every_terminal(opened: Callable[..., Terminal], term: str) -> None:
    terminal = opened("--length", "40", "--speed", "0", TERM=term)
    terminal.type("The lamp\r")
    terminal.until(lambda: count() == 40)
    terminal.leave()


def test_without_colours_none_is_sent(opened: Callable[..., Terminal]) -> None:
    terminal = opened("--length", "40", "--speed", "0", "--heat", "surprise", NO_COLOR="1")
    terminal.type("The lamp\r")
    terminal.until(lambda: count() == 40)
    terminal.leave()
    assert not coloured(terminal.screen)


def coloured(screen: str) -> bool:
    """Whether a colour that is not a shade of grey was sent."""
    parts = [part.split("m")[0].split(";") for part in screen.split("\x1b[")[1:] if "m" in part[:30]]
    shades = [
        part[n + 2 : n + 5]
        for part in parts
        for n, code in enumerate(part)
        if code == "2" and n and part[n - 1] in ("38", "48")
    ]
    return any(len(set(shade)) > 1 for shade in (s for s in shades if len(s) == 3))


def test_two_windows_at_once_each_keep_their_own(opened: Callable[..., Terminal]) -> None:
    first, second = (opened("--length", "400", "--speed", "400") for _ in range(2))
    first.type("One\r")
    second.type("Two\r")
    first.until(lambda: second.read() or [count(entry.number) for entry in passage_db.search_passages()] == [400, 400])
    for window in (first, second):
        window.leave()
    assert {entry.text[:3] for entry in passage_db.search_passages()} == {"One", "Two"}


def test_a_terminal_that_is_made_small_and_large_again_while_text_streams(opened: Callable[..., Terminal]) -> None:
    terminal = opened("--length", "100000", "--speed", "100", size=(200, 60))
    terminal.type("The lamp\r")
    terminal.until(lambda: count() > 20)
    for rows, columns in ((12, 40), (3, 10), (60, 200)):
        terminal.child.setwinsize(rows, columns)
        before = count()
        terminal.until(lambda now=before: count() > now + 20)
    terminal.type("\x1b")
    time.sleep(0.3)
    terminal.leave()


def test_ctrl_j_and_alt_enter_begin_new_lines(opened: Callable[..., Terminal]) -> None:
    terminal = opened("--length", "20", "--speed", "0")
    terminal.type("one\ntwo")
    time.sleep(0.3)
    terminal.type("\x1b\rthree\r")
    terminal.until(lambda: count() == 20)
    terminal.leave()
    passage = saved()
    assert passage
    assert passage.nodes[0].seed == "one\ntwo\nthree"


def test_the_tour_is_begun_and_what_is_written_then_is_kept() -> None:
    terminal = Terminal("--speed", "max", command="tour")
    terminal.until(lambda: "tour 1 of" in terminal.screen)
    terminal.type("The lamp\r")
    terminal.until(lambda: "tour 2 of" in terminal.screen)
    terminal.type("/autosave on\r")
    terminal.leave()
    assert count() > 0


def test_nothing_of_a_hostile_file_name_reaches_the_terminal(opened: Callable[..., Terminal], home: Path) -> None:
    terminal = opened("--model", str(hostile_model(home)))
    terminal.until(lambda: "␛]0;PWN␇" in terminal.screen)
    terminal.leave()
    assert [payload for payload in PAYLOADS.values() if payload in terminal.screen] == []
