"""Queue for texts, rate limit for users, and throttle for edits."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ..core.errors import AfterglowError


class BusyError(AfterglowError):
    """The queue is full, or a user is over the rate limit. The text says when to try again."""


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """Maximum numbers of texts being written and in the queue, in all and in one channel."""

    max_running: int = 64
    max_waiting: int = 200
    max_running_per_channel: int = 4
    max_waiting_per_channel: int = 10


@dataclass(eq=False, slots=True)
class Ticket:
    """A place in the queue. An ``exclusive`` one is served only while nothing else is written in its channel.

    ``started`` is done when the ticket is served.
    """

    channel: int
    exclusive: bool = False
    started: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class TicketQueue:
    """Admits tickets in order of arrival within a channel. A channel at its limit does not hold up other channels."""

    def __init__(self, limits: QueueLimits = QueueLimits()) -> None:
        self._limits = limits
        self._waiting: list[Ticket] = []
        self._running: list[Ticket] = []

    def enter(self, channel: int, exclusive: bool = False) -> Ticket:
        """Return a new ticket. Raises BusyError if the queue is full."""
        in_channel = sum(ticket.channel == channel for ticket in self._waiting)
        if in_channel >= self._limits.max_waiting_per_channel:
            raise BusyError(f"the queue of this channel is full ({in_channel} waiting); please try again in a moment")
        if len(self._waiting) >= self._limits.max_waiting:
            raise BusyError(f"the queue is full ({len(self._waiting)} waiting); please try again in a moment")
        ticket = Ticket(channel, exclusive)
        self._waiting.append(ticket)
        self._admit()
        return ticket

    @asynccontextmanager
    async def hold_slot(self, ticket: Ticket) -> AsyncIterator[None]:
        """Wait until the ticket is served. It leaves the queue after the block."""
        try:
            await ticket.started
            yield
        finally:
            self.leave(ticket)

    def leave(self, ticket: Ticket) -> None:
        """Remove a ticket and admit the next. Does nothing the second time."""
        for tickets in (self._waiting, self._running):
            if ticket in tickets:
                tickets.remove(ticket)
        ticket.started.cancel()
        self._admit()

    def position(self, ticket: Ticket) -> int:
        """Return a ticket's position in the queue, 1 for the next, 0 if it is being served."""
        return self._waiting.index(ticket) + 1 if ticket in self._waiting else 0

    def _admit(self) -> None:
        """Serve every waiting ticket that the limits permit."""
        running = Counter(ticket.channel for ticket in self._running)
        closed_channels = {ticket.channel for ticket in self._running if ticket.exclusive}
        for ticket in list(self._waiting):
            limit = 1 if ticket.exclusive else self._limits.max_running_per_channel
            if len(self._running) >= self._limits.max_running:
                return
            if running[ticket.channel] >= limit or ticket.channel in closed_channels:
                closed_channels.add(ticket.channel)  # keeps the order within a channel
                continue
            self._waiting.remove(ticket)
            self._running.append(ticket)
            running[ticket.channel] += 1
            closed_channels |= {ticket.channel} if ticket.exclusive else set()
            if not ticket.started.done():
                ticket.started.set_result(None)


class RateLimiter:
    """Permits each user ``uses`` requests in any ``seconds``. A user over the limit is warned once per window.

    ``clock`` returns seconds from any start.
    """

    def __init__(self, uses: int, seconds: float, clock: Callable[[], float]) -> None:
        self._uses = uses
        self._seconds = seconds
        self._clock = clock
        self._times: dict[int, deque[float]] = {}
        self._warned_until: dict[int, float] = {}

    def count_use(self, user_id: int) -> None:
        """Count a request. Raises BusyError, which names the seconds to wait, if the user is over the limit."""
        now = self._clock()
        self._drop_expired(now)
        times = self._times.setdefault(user_id, deque())
        if len(times) >= self._uses:
            raise BusyError(f"too many requests; please try again in {max(1, round(times[0] + self._seconds - now))} s")
        times.append(now)

    @property
    def tracked_users(self) -> set[int]:
        """Ids of the users in memory: those with recent requests or a warning."""
        return {*self._times, *self._warned_until}

    def should_warn(self, user_id: int) -> bool:
        """Return True if a user over the limit has not been warned yet in this window. Counts as the warning."""
        until = self._warned_until.get(user_id, 0.0)
        if self._clock() < until:
            return False
        self._warned_until[user_id] = self._times[user_id][0] + self._seconds if self._times.get(user_id) else 0.0
        return True

    def _drop_expired(self, now: float) -> None:
        """Remove users without recent requests, so that memory does not grow."""
        for user_id in list(self._times):
            times = self._times[user_id]
            while times and times[0] + self._seconds <= now:
                times.popleft()
            if not times:
                del self._times[user_id]
        self._warned_until = {user_id: until for user_id, until in self._warned_until.items() if until > now}


class EditThrottle:
    """Spaces the edits in a channel ``interval`` seconds apart: Discord permits about five in five seconds."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._next_edit: dict[int, float] = {}
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """End all waits at once, when the bot shuts down."""
        self._stopped.set()

    async def wait(self, channel: int) -> None:
        """Wait until the next edit in this channel is due. Callers are served in order."""
        now = asyncio.get_running_loop().time()
        if len(self._next_edit) > 1000:
            self._next_edit = {each: due for each, due in self._next_edit.items() if due > now}
        due = max(now, self._next_edit.get(channel, 0.0))
        self._next_edit[channel] = due + self._interval
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), due - now)
