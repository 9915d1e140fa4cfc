"""Who writes when: so many texts at once, in a channel and in all, the others in line; how often one may ask."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ..core.errors import AfterglowError


class BusyError(AfterglowError):
    """Too many are waiting, or one person asks too often; the text says what to do."""


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How many texts at once, and how many may wait: in all and in one channel."""

    max_running: int = 64
    max_waiting: int = 200
    max_running_per_channel: int = 4
    max_waiting_per_channel: int = 10


@dataclass(eq=False, slots=True)
class Ticket:
    """A place in line. ``alone`` waits until nothing else is written in its channel, and lets nothing in beside it."""

    channel: int
    exclusive: bool = False
    started: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class TicketQueue:
    """A line in all and in every channel. First come, first served, but nobody waits for another channel's limit."""

    def __init__(self, limits: QueueLimits = QueueLimits()) -> None:
        self._limits = limits
        self._waiting: list[Ticket] = []
        self._running: list[Ticket] = []

    def enter(self, channel: int, exclusive: bool = False) -> Ticket:
        """Stand in line; raises BusyError where the line is too long."""
        here = sum(ticket.channel == channel for ticket in self._waiting)
        if here >= self._limits.max_waiting_per_channel:
            raise BusyError(f"{here} texts are waiting in this channel already; try again in a moment")
        if len(self._waiting) >= self._limits.max_waiting:
            raise BusyError(f"{len(self._waiting)} texts are waiting already; try again in a moment")
        ticket = Ticket(channel, exclusive)
        self._waiting.append(ticket)
        self._admit()
        return ticket

    @asynccontextmanager
    async def hold_slot(self, ticket: Ticket) -> AsyncIterator[None]:
        """Wait for the ticket's turn, and hold it."""
        try:
            await ticket.started
            yield
        finally:
            self.leave(ticket)

    def leave(self, ticket: Ticket) -> None:
        """Make room for the next; a second time does nothing."""
        for line in (self._waiting, self._running):
            if ticket in line:
                line.remove(ticket)
        ticket.started.cancel()
        self._admit()

    def position(self, ticket: Ticket) -> int:
        """Its place in line, 1 for the next; 0 where it is its turn."""
        return self._waiting.index(ticket) + 1 if ticket in self._waiting else 0

    def _admit(self) -> None:
        here = Counter(ticket.channel for ticket in self._running)
        shut = {ticket.channel for ticket in self._running if ticket.exclusive}
        for ticket in list(self._waiting):
            most = 1 if ticket.exclusive else self._limits.max_running_per_channel
            if len(self._running) >= self._limits.max_running:
                return
            if here[ticket.channel] >= most or ticket.channel in shut:
                shut.add(ticket.channel)  # nobody overtakes in a channel
                continue
            self._waiting.remove(ticket)
            self._running.append(ticket)
            here[ticket.channel] += 1
            shut |= {ticket.channel} if ticket.exclusive else set()
            if not ticket.started.done():
                ticket.started.set_result(None)


class RateLimiter:
    """``uses`` in ``seconds`` for each person. Who asks more often is told once, and then left alone for a while."""

    def __init__(self, uses: int, seconds: float, clock: Callable[[], float]) -> None:
        self._uses, self._seconds, self._clock = uses, seconds, clock
        self._times: dict[int, deque[float]] = {}
        self._warned_until: dict[int, float] = {}

    def count_use(self, user_id: int) -> None:
        """Count a use; raises BusyError, which says for how long to wait."""
        now = self._clock()
        self._drop_expired(now)
        times = self._times.setdefault(user_id, deque())
        if len(times) >= self._uses:
            raise BusyError(f"that was quick: try again in {max(1, round(times[0] + self._seconds - now))} s")
        times.append(now)

    def should_warn(self, user_id: int) -> bool:
        """Whether to answer one who asks too often: once until there is something to say again."""
        until = self._warned_until.get(user_id, 0.0)
        if self._clock() < until:
            return False
        self._warned_until[user_id] = self._times[user_id][0] + self._seconds if self._times.get(user_id) else 0.0
        return True

    def _drop_expired(self, now: float) -> None:
        """Let go of what is over, so that nothing grows."""
        for person in list(self._times):
            times = self._times[person]
            while times and times[0] + self._seconds <= now:
                times.popleft()
            if not times:
                del self._times[person]
        self._warned_until = {person: until for person, until in self._warned_until.items() if until > now}


class EditThrottle:
    """Edits in one channel keep a distance: Discord lets about five in five seconds pass, whoever they are for."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._next_edit: dict[int, float] = {}
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Let nobody wait any longer: the bot leaves."""
        self._stopped.set()

    async def wait(self, channel: int) -> None:
        """Until the next edit in this channel is due; who waits beside others is served in turn."""
        now = asyncio.get_running_loop().time()
        if len(self._next_edit) > 1000:
            self._next_edit = {each: due for each, due in self._next_edit.items() if due > now}
        due = max(now, self._next_edit.get(channel, 0.0))
        self._next_edit[channel] = due + self._interval
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), due - now)
