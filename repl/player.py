"""Plays an iterator of events in asyncio, at a pace that people can read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator

from ..core.events import Event, Token

FRAME_SECONDS = 1 / 60
"""Minimum seconds between two batches: one frame of a screen."""

MAX_SLEEP_SECONDS = 0.1
"""Maximum seconds between two checks of the pace, so that stop and skip act within 0.1 s at any speed."""


class Player:
    """Plays events: ``async for batch in player`` yields lists of events, at most 60 lists a second.

    Events are drawn in a worker thread, and only when they are due, so that a changed setting acts on the next token.
    ``speed`` is called before each batch and returns characters per second, 0 for full speed. Set ``paused`` to pause
    the text. ``finished`` is True after the last event was drawn, a moment before the loop ends. Leaving the loop
    closes the iterator.
    """

    def __init__(self, events: Iterator[Event], speed: Callable[[], int] = lambda: 0) -> None:
        self._events = _as_generator(events)
        self._speed = speed
        self._credit = 1.0  # characters that may be shown now; grows with time, at most to 0.1 s of text
        self._skipping = False
        self._error: Exception | None = None
        self.paused = False
        self.finished = False

    def skip_to_end(self) -> None:
        """Play the rest at full speed."""
        self._skipping = True
        self.paused = False

    async def __aiter__(self) -> AsyncIterator[list[Event]]:
        """Yield batches of events until the iterator ends."""
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
                self._credit = min(self._credit + earned, max(1.0, speed * 0.1))
                last = now
        finally:
            await asyncio.to_thread(self._events.close)

    def _frame_delay(self, speed: int) -> float:
        """Return the seconds to wait before the next batch: one frame, or until the next character is due."""
        if not speed or self.paused:
            return FRAME_SECONDS
        return min(MAX_SLEEP_SECONDS, max(FRAME_SECONDS, (1 - self._credit) / speed))

    def _pull(self, speed: int) -> list[Event]:
        """Draw and return events for half a frame at most, below full speed only as many as the credit allows."""
        batch: list[Event] = []
        deadline = time.monotonic() + FRAME_SECONDS / 2
        while not self.finished and (self._credit >= 1 or not speed) and time.monotonic() < deadline:
            try:
                event = next(self._events, None)
            except Exception as error:  # raised by __aiter__ after the events before it
                self._error = error
                event = None
            if event is None:
                self.finished = True
                break
            batch.append(event)
            self._credit -= len(event.text) if speed and isinstance(event, Token) else 0
        return batch


def _as_generator(events: Iterator[Event]) -> Generator[Event, None, None]:
    """Return a generator of ``events``. Its ``close`` closes ``events`` too if they have a ``close``."""
    yield from events
