"""Events of any iterator for asyncio, at a pace that people can read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator

from ..core.events import Event, Token

FRAME_SECONDS = 1 / 60
"""Seconds between two batches at the least: what a screen shows."""

MAX_SLEEP_SECONDS = 0.1
"""Seconds after which a player looks up at the latest, however slow the pace: so soon are stop and hurry obeyed."""


class Player:
    """``async for batch in player`` yields events in lists, at most 60 a second.

    They are drawn in a worker thread, and only when they are due: what is turned while text plays acts on the next
    token. ``speed`` is asked each time, in characters a second, 0 for as fast as it goes. ``paused`` holds the text
    where it is; ``hurry`` runs to the end at full speed. Leaving the loop closes the iterator.
    """

    def __init__(self, events: Iterator[Event], speed: Callable[[], int] = lambda: 0) -> None:
        self._events, self._speed = events, speed
        self._credit, self._skipping = 1.0, False
        self._error: Exception | None = None
        self.paused = self.finished = False
        """``ended`` is true as soon as the last event was drawn, a moment before the loop is over."""

    def skip_to_end(self) -> None:
        """Forget the pace."""
        self._skipping, self.paused = True, False

    async def __aiter__(self) -> AsyncIterator[list[Event]]:
        """Batches of events until the iterator ends."""
        last = time.monotonic()
        try:
            while not self.finished:
                speed = 0 if self._skipping else self._speed()
                batch = [] if self.paused else await asyncio.to_thread(self._pull, speed)
                if batch:
                    yield batch
                if self._error:
                    raise self._error
                await asyncio.sleep(0 if self.finished else self._frame_delay(speed))
                now = time.monotonic()
                earned = 0.0 if self.paused else (now - last) * speed
                self._credit, last = min(self._credit + earned, max(1.0, speed * 0.1)), now
        finally:
            await asyncio.to_thread(getattr(self._events, "close", lambda: None))

    def _frame_delay(self, speed: int) -> float:
        if not speed or self.paused:
            return FRAME_SECONDS
        return min(MAX_SLEEP_SECONDS, max(FRAME_SECONDS, (1 - self._credit) / speed))

    def _pull(self, speed: int) -> list[Event]:
        """Events up to the credit, or for half a frame."""
        batch: list[Event] = []
        until = time.monotonic() + FRAME_SECONDS / 2
        while not self.finished and (self._credit >= 1 or not speed) and time.monotonic() < until:
            try:
                event = next(self._events, None)
            except Exception as error:  # what came before it is shown first
                self._error = error
                event = None
            if event is None:
                self.finished = True
                break
            batch.append(event)
            self._credit -= len(event.text) if speed and isinstance(event, Token) else 0
        return batch
