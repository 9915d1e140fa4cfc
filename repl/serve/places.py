"""Places for texts: so many are written at once, each for so long, and so many requests wait. The next is refused."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ...core.errors import AfterglowError

GRACE_SECONDS = 1.0
"""Seconds in which a text that was told to end has to be sent."""

LONGEST_RETRY = 60
"""Most seconds after which a client is told to try again. The ``openai`` package waits for no more."""


class NoPlaceError(AfterglowError):
    """A request that finds the queue full. ``retry_after`` is the number of seconds after which to try again."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StoppingError(NoPlaceError):
    """A request that comes, or has waited, while the server stops."""

    def __init__(self) -> None:
        super().__init__("this server is stopping; try again", 1)


class Holder:
    """A request that has places. ``end`` ends its texts early: it is called when its time is over."""

    def __init__(self, bound: asyncio.Timeout) -> None:
        self.end: Callable[[], object] = lambda: None
        self._bound = bound
        self._timer: asyncio.TimerHandle | None = None

    def end_within(self, seconds: float) -> None:
        """Call ``end`` after ``seconds``, or before if that was to be."""
        loop = asyncio.get_running_loop()
        when = loop.time() + seconds
        if self._timer is None or when < self._timer.when():
            self.stop_clock()
            self._timer = loop.call_at(when, lambda: self.end())
            self._bound.reschedule(when + GRACE_SECONDS)

    def stop_clock(self) -> None:
        """Call ``end`` no more."""
        if self._timer:
            self._timer.cancel()


class Places:
    """``count`` places, each for at most ``seconds``, and a queue of ``waiting``. First come, first served.

    It belongs to one event loop.
    """

    def __init__(self, count: int, waiting: int, seconds: float) -> None:
        self.count = count
        self.taken = 0
        self._max_waiting = waiting
        self._seconds = seconds
        self._turns: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._holders: set[Holder] = set()
        self._mean_seconds = 1.0  # that a place was taken, lately
        self._closed = False

    @property
    def waiting(self) -> int:
        """Number of requests in the queue."""
        return len(self._turns)

    @property
    def is_closed(self) -> bool:
        """True after ``close``."""
        return self._closed

    @asynccontextmanager
    async def take(self, number: int) -> AsyncIterator[Holder]:
        """Take ``number`` places, at most ``count``, for the time of the block. Wait in the queue until they are free.

        Raises NoPlaceError if the queue is full. A task that is cancelled leaves the queue. After ``seconds`` the
        holder's ``end`` is called. If the block has not ended soon after that, TimeoutError is raised in it.
        """
        await self._wait_for_turn(number)
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(None) as bound:
                holder = Holder(bound)
                holder.end_within(self._seconds)
                self._holders.add(holder)
                try:
                    yield holder
                finally:
                    holder.stop_clock()
                    self._holders.discard(holder)
        finally:
            self._mean_seconds += (clock() - began - self._mean_seconds) / 8
            self._give_back(number)

    def close(self, seconds: float) -> None:
        """Refuse those who wait and those who come. Who has a place is told to end after ``seconds``."""
        self._closed = True
        while self._turns:
            _, turn = self._turns.popleft()
            if not turn.cancelled():
                turn.set_exception(StoppingError())
        for holder in self._holders:
            holder.end_within(seconds)

    async def _wait_for_turn(self, number: int) -> None:
        if self._closed:
            raise StoppingError
        if not self._turns and self.taken + number <= self.count:
            self.taken += number
            return
        if len(self._turns) >= self._max_waiting:
            raise NoPlaceError("too many requests wait already; try again later", self._retry_after())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._turns.append((number, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._call_next()  # it may have stood before a smaller one
            elif not turn.exception():
                self._give_back(number)  # its turn came in the same moment
            raise

    def _give_back(self, number: int) -> None:
        self.taken -= number
        self._call_next()

    def _call_next(self) -> None:
        """Give the free places to the first in the queue, in order. Those that have left it are passed over."""
        self._turns = deque(entry for entry in self._turns if not entry[1].cancelled())
        while self._turns and self.taken + self._turns[0][0] <= self.count:
            number, turn = self._turns.popleft()
            self.taken += number
            turn.set_result(None)

    def _retry_after(self) -> int:
        """Return the seconds after which the queue has probably moved on by one: 1 to 60."""
        return max(1, min(LONGEST_RETRY, math.ceil(self._mean_seconds / self.count)))
