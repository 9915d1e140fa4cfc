"""The player between events and a face: nothing lost, nothing early, and it lets go of what it was given."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest
from afterglow.core.events import Done, Event, Notice, Token
from afterglow.core.session.session import Session
from afterglow.repl.player import Player

FAST = 100_000
PATIENCE = 20
"""Seconds after which a test has failed; none waits that long when it passes."""


def token(text: str) -> Token:
    return Token(text, 0, -1.0, -1.0, 1, 1.0, 1.0)


EVENTS: list[Event] = [Notice("said first"), *(token(c) for c in "some text, with a character of more: 🔥")]
DONE = Done("length", "", 3, 0.1)


class Source:
    """An iterator of events that counts what was taken and knows whether it was closed."""

    def __init__(self, events: list[Event], fail: Exception | None = None) -> None:
        self.taken, self.closed = 0, threading.Event()
        self._events, self._fail = events, fail

    def __iter__(self) -> Iterator[Event]:
        try:
            for event in self._events:
                self.taken += 1
                yield event
            if self._fail:
                raise self._fail
        finally:
            self.closed.set()


async def until(condition: Callable[[], object]) -> None:
    """Let others run until something holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.001)


async def heard(player: Player) -> list[Event]:
    return [event async for batch in player for event in batch]


@pytest.mark.parametrize("speed", [0, 500, FAST])
@pytest.mark.parametrize("events", [[], EVENTS, [*EVENTS, DONE], [*EVENTS, DONE, Notice("said last")]], ids=len)
async def test_every_event_comes_in_order(speed: int, events: list[Event]) -> None:
    source = Source(events)
    assert await heard(Player(iter(source), lambda: speed)) == events
    assert source.closed.is_set()


async def test_batches_are_never_empty() -> None:
    batches = [batch async for batch in Player(iter(Source([*EVENTS, DONE])), lambda: 500)]
    assert all(batches)
    assert len(batches) > 1


async def test_at_a_pace_text_is_drawn_only_when_it_is_due() -> None:
    """At one character a second the first is there at once, and nothing has been drawn ahead of it."""
    source = Source([token("a"), token("b"), token("c"), DONE])
    assert await anext(aiter(Player(iter(source), lambda: 1))) == [token("a")]
    assert source.taken == 1


async def test_a_long_token_is_paid_for_before_the_next() -> None:
    source = Source([token("a long one"), token("b"), DONE])
    assert await anext(aiter(Player(iter(source), lambda: 1))) == [token("a long one")]
    assert source.taken == 1


async def test_paused_holds_the_text_and_going_on_brings_the_rest() -> None:
    source = Source([token(c) for c in "abcdef"])
    player, found = Player(iter(source), lambda: FAST), []

    async def listen() -> None:
        async for batch in player:
            found.extend(batch)
            if len(found) == 1:
                player.paused = True

    listening = asyncio.create_task(listen())
    await until(lambda: player.paused)
    taken = source.taken
    for _ in range(50):
        await asyncio.sleep(0.001)
    assert (source.taken, len(found)) == (taken, 1)
    player.paused = False
    await asyncio.wait_for(listening, PATIENCE)
    assert found == [token(c) for c in "abcdef"]


async def test_paused_from_the_beginning_draws_nothing() -> None:
    source = Source(EVENTS)
    player = Player(iter(source))
    player.paused = True
    listening = asyncio.create_task(heard(player))
    for _ in range(30):
        await asyncio.sleep(0.001)
    assert source.taken == 0
    player.skip_to_end()
    assert await asyncio.wait_for(listening, PATIENCE) == EVENTS


async def test_hurry_finishes_what_would_take_minutes() -> None:
    events = [*(token("x") for _ in range(2000)), DONE]
    player, found = Player(iter(Source(events)), lambda: 10), []

    async def listen() -> None:
        async for batch in player:
            found.extend(batch)
            player.skip_to_end()

    await asyncio.wait_for(listen(), PATIENCE)
    assert found == events


async def test_leaving_the_loop_early_closes_the_iterator() -> None:
    source = Source(EVENTS)
    async for _ in Player(iter(source), lambda: FAST):
        break
    await until(source.closed.is_set)
    assert source.taken < len(EVENTS)


async def test_cancelling_the_listener_closes_the_iterator() -> None:
    source = Source(EVENTS)
    listening = asyncio.create_task(heard(Player(iter(source), lambda: 1)))
    await until(lambda: source.taken)
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    await until(source.closed.is_set)


@pytest.mark.parametrize("speed", [0, FAST])
async def test_an_exception_passes_through_behind_all_that_came_before_it(speed: int) -> None:
    source, found = Source(EVENTS, fail=ValueError("broken")), []

    async def listen() -> None:
        async for batch in Player(iter(source), lambda: speed):
            found.extend(batch)

    with pytest.raises(ValueError, match="broken"):
        await listen()
    assert found == EVENTS
    assert source.closed.is_set()


async def test_a_plain_iterator_without_close_will_do() -> None:
    assert await heard(Player(iter(EVENTS))) == EVENTS


async def test_a_session_plays_the_same_text_at_any_pace(session: Session) -> None:
    texts = []
    for speed in (0, FAST):
        await heard(Player(session.write_from("The lamp"), lambda speed=speed: speed))  # type: ignore[misc]
        texts.append(session.passage.text())
    assert texts[0] == texts[1]
    assert len(texts[0]) == 68


async def test_a_temperature_that_is_turned_acts_on_the_next_token(session: Session) -> None:
    found: list[Event] = []
    async for batch in Player(session.write_from("The lamp"), lambda: FAST):
        found += batch
        if session.settings.temperature == 1.0:
            turned = len(found)
            session.set("temperature", 0.25)
    heats = [event.temperature for event in found if isinstance(event, Token)]
    assert 0 < turned < 60
    assert heats == [1.0] * turned + [0.25] * (60 - turned)


async def test_a_session_that_is_left_keeps_its_text_and_can_go_on(session: Session) -> None:
    async for _ in Player(session.write_from("The lamp"), lambda: FAST):
        break
    await until(lambda: not session.playing)
    written = len(session.passage.tokens())
    assert 0 < written < 60
    await heard(Player(session.continue_()))
    assert len(session.passage.tokens()) == written + 60


async def test_a_session_that_is_stopped_ends_its_player(session: Session) -> None:
    found: list[Event] = []
    async for batch in Player(session.write_from("The lamp"), lambda: FAST):
        found += batch
        session.stop()
    assert isinstance(found[-1], Done)
    assert found[-1].reason == "stopped"
