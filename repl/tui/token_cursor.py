"""Where the reader looks: a cursor over the tokens of the text, and over the roads that lead on from there."""

from __future__ import annotations

import time

from ...core.session.lens import Inspection, inspect_session
from ...core.session.session import Session
from .backpressure import Backpressure
from .lens_panel import Lens
from .passage_view import PassageView
from .transcript import Transcript

LENS_INTERVAL = 1 / 15
"""Seconds between two pictures of the lens while text is written: faster nobody reads, and the text comes first."""

LENS_SLOWDOWN = 4
"""Over a slow line it rests for so many times as long as the latest picture took."""


class TokenCursor:
    """Keeps lens and transcript at the same token. Without a cursor the lens shows what comes next.

    ``place`` is the number of the token under the cursor, from 0; as many as there are means the one to come.
    """

    def __init__(
        self,
        session: Session,
        passage_view: PassageView,
        transcript: Transcript,
        lens: Lens,
        backpressure: Backpressure,
    ) -> None:
        self._session, self._passage_view, self._transcript, self._lens = session, passage_view, transcript, lens
        self._backpressure = backpressure
        self._inspection: Inspection | None = None
        self._last_update = 0.0
        self.token_index: int | None = None
        self.candidate_index: int | None = None

    def move(self, step: int) -> None:
        """Move the cursor by so many tokens; from the end of the text it comes in on the last one."""
        count = len(self._passage_view.token_spans)
        self.go_to(min(count, max(0, (count if self.token_index is None else self.token_index) + step)))

    def move_word(self, step: int) -> None:
        """Move the cursor to the beginning of the next word (1), or of this or the previous one (-1)."""
        places = self._passage_view.token_spans
        at = len(places) if self.token_index is None else self.token_index
        at += step
        while 0 < at < len(places) and not _begins_word(places[at - 1].token.text, places[at].token.text):
            at += step
        self.go_to(min(len(places), max(0, at)))

    def go_to(self, token_index: int) -> None:
        """Put the cursor on a token."""
        self.token_index, self.candidate_index = token_index, None
        self.refresh()
        if self._inspection and self._inspection.taken:
            taken = self._inspection.taken.id
            self.choose(next(n for n, each in enumerate(self._inspection.candidates) if each.id == taken))
        else:
            self.choose(0)

    def move_choice(self, step: int) -> None:
        """Move among the candidates."""
        last = len(self._inspection.candidates) - 1 if self._inspection else 0
        self.choose(min(last, max(0, (self.candidate_index or 0) + step)))

    def choose(self, candidate_index: int) -> None:
        """Choose a candidate by its place in the lens."""
        self.candidate_index = candidate_index
        self.refresh()

    def clear(self) -> None:
        """Take the cursor away: the lens follows the text again."""
        self.token_index = self.candidate_index = None
        self.refresh()

    def selection(self) -> tuple[int, int] | None:
        """Return the number of tokens to keep and the id of the token to take after them. None without a cursor."""
        if self.token_index is None or self._inspection is None:
            return None
        return self.token_index, self._inspection.candidates[self.candidate_index or 0].id

    def refresh(self) -> None:
        """Show how things stand now."""
        count = len(self._passage_view.token_spans)
        if self.token_index is not None and self.token_index > count:
            self.token_index = count
        self._transcript.highlight_token(self.token_index)
        if not self._lens.display or self._too_soon():
            return
        to_come = self.token_index is None or self.token_index >= count
        self._inspection = inspect_session(self._session, None if to_come else self.token_index)
        title = "the token to come" if to_come else f"token {(self.token_index or 0) + 1:,} of {count:,}"
        copies = None if to_come else self._passage_view.copy_tracker
        copied = copies.run_length(self.token_index or 0) if copies else 0
        self._lens.update(
            self._inspection,
            title,
            self.candidate_index,
            self._passage_view.token_spans,
            self.token_index,
            copied,
            self._filters_note(),
        )

    def _filters_note(self) -> str:
        """What else than the filters of now drew the token."""
        if self._inspection is None or self._inspection.taken is None:
            return ""
        if self._inspection.filters is None:
            return "filters as set now: not kept"
        same = self._inspection.filters == self._session.settings.filters_only()
        return "" if same else f"then {self._inspection.filters.format_active_filters() or 'without filters'}"

    def _too_soon(self) -> bool:
        """Whether text comes so fast, or the line is so slow, that the lens leaves this moment out."""
        now = time.monotonic()
        soon = (
            now - self._last_update < max(LENS_INTERVAL, LENS_SLOWDOWN * self._backpressure.delay)
            or self._backpressure.saturated
        )
        if self.token_index is None and self._session.playing and soon:
            return True
        self._last_update = now
        return False


def _begins_word(previous_text: str, text: str) -> bool:
    return previous_text[-1:].isspace() and not text[:1].isspace()
