"""Whether the terminal keeps up: each picture is followed by a question that it answers when it has drawn it."""

from __future__ import annotations

import time
from collections import deque

QUESTION = "\x1b[6n"
"""Where the cursor is: every terminal since the VT100 knows (DSR 6)."""

AHEAD = 2
"""Pictures that may be on their way: with fewer a distant terminal would wait for each, with more a slow one lags."""

PATIENCE = 10.0
"""Seconds without an answer after which none is waited for any more."""


class SlowLine:
    """Keeps questions and answers together. A terminal that has never answered is taken for one that keeps up.

    ``delay`` is how long the latest picture took, in seconds; ``known`` is true as soon as one question was asked.
    """

    def __init__(self) -> None:
        self._asked = deque[float]()
        self._answers = self.known = False
        self.delay = 0.0

    @property
    def busy(self) -> bool:
        """Whether enough pictures are on their way."""
        return self._answers and len(self._asked) >= AHEAD and time.monotonic() - self._asked[-1] < PATIENCE

    def asked(self) -> None:
        """A picture and its question were sent."""
        now, self.known = time.monotonic(), True
        if self._asked and now - self._asked[-1] >= PATIENCE:
            self._asked.clear()
        self._asked.append(now)

    def answered(self) -> None:
        """The terminal has drawn a picture."""
        self._answers = True
        if self._asked:
            self.delay = time.monotonic() - self._asked.popleft()
