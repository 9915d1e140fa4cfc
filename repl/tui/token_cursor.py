"""A cursor over the tokens of the text, and the choice of a candidate at each token."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...core.session.lens import Inspection, inspect_session
from ...core.session.session import Session
from ...core.setting_heat import Unit, heat_unit
from .lens.lens_layout import LensContent
from .main_view import MainView
from .terminal.backpressure import Backpressure
from .text.wrapping import TokenSpan

if TYPE_CHECKING:
    from ...core.session.unit_lens import UnitParts

LENS_INTERVAL = 1 / 15
"""Minimum seconds between two updates of the lens while text is written. Faster is unreadable, and delays the text."""

LENS_SLOWDOWN = 4
"""Minimum interval of the lens on a slow connection, as a multiple of the delay of the last answered frame."""


class TokenCursor:
    """Keeps lens and transcript at the same token.

    ``token_index`` is the index of the token under the cursor, from 0, or the number of tokens if the cursor is after
    the last one. It is None if there is no cursor. The lens shows the next token in both cases. ``candidate_index`` is
    the index of the chosen candidate in the lens, None if none is chosen.
    """

    def __init__(self, session: Session, view: MainView, backpressure: Backpressure) -> None:
        self._session = session
        self._passage_view = view.passage_view
        self._transcript = view.transcript
        self._lens = view.lens
        self._backpressure = backpressure
        self._inspection: Inspection | None = None
        self._last_update = 0.0
        self.token_index: int | None = None
        self.candidate_index: int | None = None

    def move(self, step: int) -> None:
        """Move the cursor by ``step`` tokens. Without a cursor, start from the end of the text."""
        count = len(self._spans)
        self.go_to(min(count, max(0, (count if self.token_index is None else self.token_index) + step)))

    def move_word(self, step: int) -> None:
        """Move the cursor to the beginning of the next word (1), or of the current or previous one (-1)."""
        spans = self._spans
        index = len(spans) if self.token_index is None else self.token_index
        index += step
        while 0 < index < len(spans) and not _begins_word(spans[index - 1].token.text, spans[index].token.text):
            index += step
        self.go_to(min(len(spans), max(0, index)))

    def go_to(self, token_index: int) -> None:
        """Put the cursor on a token, and choose the candidate that was drawn there."""
        self.token_index = token_index
        self.candidate_index = None
        self.refresh()
        if self._inspection and self._inspection.taken:
            ids = [candidate.id for candidate in self._inspection.candidates]
            self.choose(ids.index(self._inspection.taken.id))
        else:
            self.choose(0)

    def move_choice(self, step: int) -> None:
        """Choose the candidate that is ``step`` below the chosen one."""
        last = len(self._inspection.candidates) - 1 if self._inspection else 0
        self.choose(min(last, max(0, (self.candidate_index or 0) + step)))

    def choose(self, candidate_index: int) -> None:
        """Choose a candidate."""
        self.candidate_index = candidate_index
        self.refresh()

    def clear(self) -> None:
        """Remove the cursor. The lens follows the text again."""
        self.token_index = None
        self.candidate_index = None
        self.refresh()

    def selection(self) -> tuple[int, int] | None:
        """Return the number of tokens to keep and the id of the token to take after them. None without a cursor."""
        if self.token_index is None or self._inspection is None:
            return None
        return self.token_index, self._inspection.candidates[self.candidate_index or 0].id

    def refresh(self) -> None:
        """Draw cursor and lens for the current passage and settings. Raise AfterglowError if inspection fails."""
        count = len(self._spans)
        if self.token_index is not None and self.token_index > count:
            self.token_index = count
        self._transcript.highlight_token(self.token_index)
        if (self._lens.display or self.token_index is not None) and self._is_update_due():
            self._last_update = time.monotonic()
            self._refresh_lens(None if self.token_index == count else self.token_index)

    @property
    def _spans(self) -> Sequence[TokenSpan]:
        return self._passage_view.token_spans

    def _refresh_lens(self, index: int | None) -> None:
        """Inspect a token, or the next one if ``index`` is None, and show it in the lens."""
        self._inspection = inspect_session(self._session, index)
        tracker = self._passage_view.copy_tracker
        content = LensContent(
            inspection=self._inspection,
            title="next token" if index is None else f"token {index + 1:,} of {len(self._spans):,}",
            candidate_index=self.candidate_index,
            token_spans=self._spans,
            token_index=self.token_index,
            copied_run_length=0 if index is None or tracker is None else tracker.run_length(index),
            settings_note=self._settings_note(),
            unit=self._inspect_unit(index),
        )
        self._lens.update(content)

    def _inspect_unit(self, index: int | None) -> tuple[Unit, UnitParts] | None:
        if not heat_unit(self._session.settings.heat):
            return None
        from ...core.session.unit_lens import inspect_unit  # imported late: few sessions show a unit

        return inspect_unit(self._session, index)

    def _settings_note(self) -> str:
        """Describe the temperature and the filters that drew the token, as far as they differ from the current ones."""
        if self._inspection is None or self._inspection.taken is None:
            return ""
        filters, settings = self._inspection.filters, self._session.settings
        then = []
        if self._inspection.temperature != settings.temperature:
            then.append(f"T {self._inspection.temperature:.2f}")
        if filters and filters != settings.filters_only():
            then.append(filters.format_active_filters() or "without filters")
        notes = [f"then {', '.join(then)}"] if then else []
        return "; ".join([*notes, *(["filters unrecorded: current ones"] if filters is None else [])])

    def _is_update_due(self) -> bool:
        """Return False to skip an update of a lens that follows the text: the last was just now, or drawing is slow."""
        if self.token_index is not None or not self._session.playing:
            return True
        interval = max(LENS_INTERVAL, LENS_SLOWDOWN * self._backpressure.delay)
        return time.monotonic() - self._last_update >= interval and not self._backpressure.saturated


def _begins_word(previous_text: str, text: str) -> bool:
    return previous_text[-1:].isspace() and not text[:1].isspace()
