"""Whether the terminal keeps up: each picture is followed by a question that it answers when it has drawn it."""

from __future__ import annotations

import time
from collections import deque

CURSOR_QUERY = "\x1b[6n"
"""Where the cursor is: every terminal since the VT100 knows (DSR 6)."""

MAX_IN_FLIGHT = 2
"""Pictures that may be on their way: with fewer a distant terminal would wait for each, with more a slow one lags."""

REPLY_TIMEOUT = 10.0
"""Seconds without an answer after which none is waited for any more."""


class Backpressure:
    """Keeps questions and answers together. A terminal that has never answered is taken for one that keeps up.

    ``delay`` is how long the latest picture took, in seconds; ``known`` is true as soon as one question was asked.
    """

    def __init__(self) -> None:
        self._sent_times = deque[float]()
        self._has_replied = self.probed = False
        self.delay = 0.0

    @property
    def saturated(self) -> bool:
        """Whether enough pictures are on their way."""
        return (
            self._has_replied
            and len(self._sent_times) >= MAX_IN_FLIGHT
            and time.monotonic() - self._sent_times[-1] < REPLY_TIMEOUT
        )

    def request_sent(self) -> None:
        """A picture and its question were sent."""
        now, self.probed = time.monotonic(), True
        if self._sent_times and now - self._sent_times[-1] >= REPLY_TIMEOUT:
            self._sent_times.clear()
        self._sent_times.append(now)

    def reply_received(self) -> None:
        """The terminal has drawn a picture."""
        self._has_replied = True
        if self._sent_times:
            self.delay = time.monotonic() - self._sent_times.popleft()
