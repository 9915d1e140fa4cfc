"""Keeps the passage on disk while it grows, beside everything else, and says when that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...core.errors import AfterglowError
from ...core.session.passage_db import PassageSaver
from ...core.session.session import Session

AUTOSAVE_INTERVAL = 1.0
"""Seconds between two looks at a passage that grows: so much is lost at the most when the process is killed."""


class Autosave:
    """``say`` shows a line to the reader, ``complain`` one that stands out; each trouble is told once. A bug goes to
    ``report`` and costs nobody the text.
    """

    def __init__(
        self,
        session: Session,
        show_note: Callable[[str], None],
        show_error: Callable[[str], None],
        report_bug: Callable[[Exception], None],
    ) -> None:
        self._session, self._show_note, self._show_error, self._report_bug = session, show_note, show_error, report_bug
        self._saver, self._lock = PassageSaver(), asyncio.Lock()
        self._last_error = ""

    async def save(self) -> None:
        """Save what is new, on a thread."""
        if self._session.settings.autosave == "off":
            return
        async with self._lock:
            try:
                told = await asyncio.to_thread(self._saver.save, self._session.passage)
            except Exception as error:
                if str(error) != self._last_error:
                    self._report_failure(error)
                self._last_error = str(error)
                return
        if self._last_error:
            self._show_note("autosaved again, with all that was missing")
        self._last_error = ""
        if told:
            self._show_note(told)

    def _report_failure(self, error: Exception) -> None:
        if isinstance(error, AfterglowError):
            self._show_error(f"not autosaved: {error}; the text is here, and /export writes it elsewhere")
        else:
            self._report_bug(error)

    def save_now(self) -> None:
        """Save what is new before the process ends; raises StorageError."""
        if self._session.settings.autosave == "on":
            self._saver.save(self._session.passage)
