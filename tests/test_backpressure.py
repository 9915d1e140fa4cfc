"""A terminal that takes its time: keys act soon, the text is whole, and nothing piles up."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from afterglow.core.session import passage_db
from afterglow.repl.tui.app import AfterglowApp
from afterglow.repl.tui.sweep_view import SweepView
from afterglow.repl.tui.terminal.backpressure import CURSOR_QUERY, MAX_IN_FLIGHT, REPLY_TIMEOUT, Backpressure
from afterglow.repl.tui.text.transcript import Transcript

from .terminal_helpers import Terminal
from .tui_helpers import SIZE, enter, stop, until, wait_for_tokens

RATE = 4000
"""Bytes a second that the terminal takes in."""

FEW = 24_000
"""Bytes to a key's effect at the most: two pictures that were on their way, and those that the key makes."""


class Clock:
    """A clock that stands still until somebody moves it."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("afterglow.repl.tui.terminal.backpressure.time", made)
    return made


def test_pictures_wait_for_answers_where_there_are_any(clock: Clock) -> None:
    line = Backpressure()
    for _ in range(5):
        line.request_sent()
    assert not line.saturated
    line.reply_received()
    assert line.saturated
    for _ in range(5 - MAX_IN_FLIGHT):
        clock.now += 0.5
        line.reply_received()
    assert not line.saturated
    assert line.delay == 1.5
    line.request_sent()
    assert line.saturated


def test_a_terminal_that_answers_no_more_is_not_waited_for(clock: Clock) -> None:
    line = Backpressure()
    line.request_sent()
    line.reply_received()
    line.request_sent()
    line.request_sent()
    assert line.saturated
    clock.now += REPLY_TIMEOUT
    assert not line.saturated
    line.request_sent()
    assert not line.saturated


@pytest.mark.parametrize("line", ["", "/sweep 0.5 1"])
async def test_a_pause_shows_all_that_is_written_also_on_a_slow_line(slow: AfterglowApp, line: str) -> None:
    async with slow.run_test(size=SIZE) as pilot:
        await enter(pilot, "The lamp")
        await wait_for_tokens(pilot, slow, 1)
        if line:
            await stop(pilot, slow)
            await enter(pilot, line)
        sweep = slow.query_one(SweepView)
        await until(pilot, lambda: not line or (sweep.sweep and sweep.sweep.columns[0].tokens))
        slow._backpressure.reply_received()  # from now on the terminal owes replies
        transcript = sweep._columns[0]._transcript if line else slow.query_one(Transcript)
        tokens = sweep.sweep.columns[0].tokens if sweep.sweep else slow.session.passage.current().tokens
        await until(pilot, lambda: slow._backpressure.saturated and len(tokens) > len(transcript.token_spans) + 1)
        await pilot.press("space")
        await until(pilot, lambda: len(transcript.token_spans) == len(tokens))


class Slow(Terminal):
    """Takes in so many bytes a second, and answers like a terminal behind that."""

    taken = 0

    def read(self, most: int = RATE // 20) -> None:
        """The next twentieth of a second."""
        before = len(self.screen)
        super().read(most)
        self.taken += len(self.screen) - before
        # A question may come in two parts.
        for _ in range(self.screen.count(CURSOR_QUERY, max(0, before - len(CURSOR_QUERY) + 1))):
            self.type("\x1b[24;80R")
        time.sleep(0.05)

    def memory(self) -> int:
        """What the program holds, in MB."""
        return int(Path(f"/proc/{self.child.pid}/statm").read_text().split()[1]) * 4096 // 1_000_000


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from Linux's /proc")
@pytest.mark.parametrize("speed", ["40", "max"])
def test_over_a_slow_line_keys_act_and_nothing_piles_up(speed: str) -> None:
    terminal = Slow("--length", "10000000", "--speed", speed, "-t", "0")
    try:
        terminal.begin()
        terminal.type("The lamp\r")
        terminal.until(lambda: "writing" in terminal.screen)
        memory = terminal.memory()
        # The first pictures of a start, and of a text, are sent before the terminal could answer any.
        begun = terminal.taken + 40_000
        terminal.until(lambda: terminal.taken > begun)
        for number in range(1, 6):
            until = terminal.taken + 10_000
            terminal.until(lambda end=until: terminal.taken > end)  # type: ignore[misc]
            begin = terminal.taken
            terminal.type("+")
            terminal.until(lambda t=number: f"T {0.05 * t:.2f}" in terminal.screen)  # type: ignore[misc]
            assert terminal.taken - begin < FEW
        begin = terminal.taken
        terminal.type("\x1b")
        terminal.until(lambda: "ready" in terminal.screen[-FEW:])
        assert terminal.taken - begin < FEW
        grown = terminal.memory() - memory
        terminal.leave()
    finally:
        terminal.child.close(force=True)
    passage = passage_db.load(1).passage
    # Half a kilobyte a token is the text itself, with its figures; what piles up comes on top of that.
    assert grown < 60 + len(passage.text()) / 1_500
    shown = f"T 0.00 to 0.25 · {len(passage.text()) - len('The lamp'):,} characters"
    assert shown in terminal.screen
