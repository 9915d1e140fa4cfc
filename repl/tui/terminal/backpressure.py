"""Detects a terminal that draws more slowly than frames are sent.

Each frame is followed by a cursor query, which the terminal answers after it has drawn the frame.
"""

from __future__ import annotations

import time
from collections import deque

CURSOR_QUERY = "\x1b[6n"
"""Device status report 6, the position of the cursor. Every terminal since the VT100 answers it."""

MAX_IN_FLIGHT = 2
"""Maximum frames without a reply. With fewer, a distant terminal would wait for each; with more, a slow one lags."""

REPLY_TIMEOUT = 10.0
"""Seconds after which a query is given up as lost."""


class Backpressure:
    """Counts queries and replies. A terminal that has never replied counts as fast enough.

    ``delay`` is the time in seconds from the last answered query to its reply. ``probed`` is True after the first
    query.
    """

    def __init__(self) -> None:
        self._sent_times = deque[float]()
        self._has_replied = False
        self.probed = False
        self.delay = 0.0

    @property
    def saturated(self) -> bool:
        """True if no frame should be sent before the next reply."""
        return (
            self._has_replied
            and len(self._sent_times) >= MAX_IN_FLIGHT
            and time.monotonic() - self._sent_times[-1] < REPLY_TIMEOUT
        )

    def request_sent(self) -> None:
        """Record that a query was sent."""
        now = time.monotonic()
        self.probed = True
        if self._sent_times and now - self._sent_times[-1] >= REPLY_TIMEOUT:
            self._sent_times.clear()
        self._sent_times.append(now)

    def reply_received(self) -> None:
        """Record the reply to the oldest open query, and measure its delay."""
        self._has_replied = True
        if self._sent_times:
            self.delay = time.monotonic() - self._sent_times.popleft()
