"""Lines and cooldowns: first come, first served, nobody held up by another channel, nothing that grows."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("discord")

from afterglow.bot.scheduling import BusyError, QueueLimits, RateLimiter, TicketQueue


async def test_first_come_first_served_within_a_channel_and_in_all() -> None:
    turns = TicketQueue(QueueLimits(max_running=2, max_running_per_channel=1))
    first, second, other, last = (turns.enter(channel) for channel in (1, 1, 2, 3))
    assert [turns.position(ticket) for ticket in (first, second, other, last)] == [0, 1, 0, 2]
    turns.leave(first)
    assert [turns.position(ticket) for ticket in (second, last)] == [0, 1]
    turns.leave(other)
    turns.leave(other)
    assert turns.position(last) == 0


async def test_who_is_alone_waits_for_the_channel_to_be_empty_and_lets_nobody_in() -> None:
    turns = TicketQueue()
    first, alone, after = turns.enter(1), turns.enter(1, exclusive=True), turns.enter(1)
    assert [turns.position(ticket) for ticket in (first, alone, after)] == [0, 1, 2]
    turns.leave(first)
    assert [turns.position(ticket) for ticket in (alone, after)] == [0, 1]
    assert turns.position(turns.enter(2)) == 0
    turns.leave(alone)
    assert turns.position(after) == 0


async def test_the_lines_have_an_end() -> None:
    turns = TicketQueue(QueueLimits(max_running=1, max_waiting=2, max_waiting_per_channel=1))
    for channel in (1, 1):
        turns.enter(channel)
    with pytest.raises(BusyError, match="the queue of this channel is full \\(1 waiting\\)"):
        turns.enter(1)
    turns.enter(2)
    with pytest.raises(BusyError, match="the queue is full \\(2 waiting\\)"):
        turns.enter(3)


async def test_who_gives_up_makes_room() -> None:
    turns = TicketQueue(QueueLimits(max_running=1))
    first, second, third = (turns.enter(1) for _ in range(3))
    gone = asyncio.create_task(turns.hold_slot(second).__aenter__())
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait({gone})
    turns.leave(second)
    turns.leave(first)
    assert turns.position(third) == 0


def test_a_cooldown_counts_by_person_and_is_over_some_time() -> None:
    now = 0.0
    cooldown = RateLimiter(2, 10.0, lambda: now)
    cooldown.count_use(1)
    now = 4.0
    cooldown.count_use(1)
    cooldown.count_use(2)
    with pytest.raises(BusyError, match="try again in 6 s"):
        cooldown.count_use(1)
    assert cooldown.should_warn(1)
    assert not cooldown.should_warn(1)
    now = 10.0
    cooldown.count_use(1)
    with pytest.raises(BusyError):
        cooldown.count_use(1)
    assert cooldown.should_warn(1)
    now = 100.0
    cooldown.count_use(3)
    assert cooldown.tracked_users == {3}
