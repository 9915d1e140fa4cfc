"""Where the reader looks: a cursor over the tokens of the text, and over the roads that lead on from there."""

from __future__ import annotations

import time

from ...core.session.lens import Look
from ...core.session.session import Session
from .backpressure import SlowLine
from .lens_panel import Lens
from .passage_view import Reading
from .transcript import Transcript

PACE = 1 / 15
"""Seconds between two pictures of the lens while text is written: faster nobody reads, and the text comes first."""

REST = 4
"""Over a slow line it rests for so many times as long as the latest picture took."""


class Roads:
    """Keeps lens and transcript at the same token. Without a cursor the lens shows what comes next.

    ``place`` is the number of the token under the cursor, from 0; as many as there are means the one to come.
    """

    def __init__(self, session: Session, reading: Reading, transcript: Transcript, lens: Lens, line: SlowLine) -> None:
        self._session, self._reading, self._transcript, self._lens = session, reading, transcript, lens
        self._line = line
        self._look: Look | None = None
        self._looked = 0.0
        self.place: int | None = None
        self.choice: int | None = None

    def move(self, step: int) -> None:
        """Move the cursor by so many tokens; from the end of the text it comes in on the last one."""
        count = len(self._reading.places)
        self.stand(min(count, max(0, (count if self.place is None else self.place) + step)))

    def word(self, step: int) -> None:
        """Move the cursor to the beginning of the next word (1), or of this or the previous one (-1)."""
        places = self._reading.places
        at = len(places) if self.place is None else self.place
        at += step
        while 0 < at < len(places) and not _begins_word(places[at - 1].token.text, places[at].token.text):
            at += step
        self.stand(min(len(places), max(0, at)))

    def stand(self, place: int) -> None:
        """Put the cursor on a token."""
        self.place, self.choice = place, None
        self.refresh()
        if self._look and self._look.taken:
            taken = self._look.taken.id
            self.choose_number(next(n for n, each in enumerate(self._look.candidates) if each.id == taken))
        else:
            self.choose_number(0)

    def choose(self, step: int) -> None:
        """Move among the candidates."""
        last = len(self._look.candidates) - 1 if self._look else 0
        self.choose_number(min(last, max(0, (self.choice or 0) + step)))

    def choose_number(self, number: int) -> None:
        """Choose a candidate by its place in the lens."""
        self.choice = number
        self.refresh()

    def leave(self) -> None:
        """Take the cursor away: the lens follows the text again."""
        self.place = self.choice = None
        self.refresh()

    def taken(self) -> tuple[int, int]:
        """The way that is chosen: how many tokens to keep, and the id of the one to take behind them."""
        assert self.place is not None
        assert self._look
        return self.place, self._look.candidates[self.choice or 0].id

    def refresh(self) -> None:
        """Show how things stand now."""
        count = len(self._reading.places)
        if self.place is not None and self.place > count:
            self.place = count
        self._transcript.point(self.place)
        if not self._lens.display or self._too_soon():
            return
        to_come = self.place is None or self.place >= count
        self._look = self._session.look(None if to_come else self.place)
        title = "the token to come" if to_come else f"token {(self.place or 0) + 1:,} of {count:,}"
        copies = None if to_come else self._reading.copies
        copied = copies.length(self.place or 0) if copies else 0
        self._lens.show(self._look, title, self.choice, self._reading.places, self.place, copied, self._then())

    def _then(self) -> str:
        """What else than the filters of now drew the token."""
        if self._look is None or self._look.taken is None:
            return ""
        if self._look.filters is None:
            return "filters as set now: not kept"
        same = self._look.filters == self._session.settings.filters()
        return "" if same else f"then {self._look.filters.filters_told() or 'without filters'}"

    def _too_soon(self) -> bool:
        """Whether text comes so fast, or the line is so slow, that the lens leaves this moment out."""
        now = time.monotonic()
        soon = now - self._looked < max(PACE, REST * self._line.delay) or self._line.busy
        if self.place is None and self._session.playing and soon:
            return True
        self._looked = now
        return False


def _begins_word(before: str, here: str) -> bool:
    return before[-1:].isspace() and not here[:1].isspace()
