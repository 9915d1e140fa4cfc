"""Saves a session's passage as it grows, and reports failures to the user."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..core.errors import AfterglowError
from ..core.session.passage_db import PassageSaver
from ..core.session.passage_tables import take_notices
from ..core.session.session import Session

AUTOSAVE_INTERVAL = 1.0
"""Seconds between saves of a growing passage. At most this much is lost if the process is killed."""


class Autosave:
    """Saves a session's passage while the setting ``autosave`` is on.

    ``show_note`` and ``show_error`` show a line to the user. ``report_bug`` gets an exception that is not an
    AfterglowError. A failure is not reported again until another follows or a save succeeds.
    """

    def __init__(
        self,
        session: Session,
        show_note: Callable[[str], None],
        show_error: Callable[[str], None],
        report_bug: Callable[[Exception], None],
    ) -> None:
        self._session = session
        self._show_note = show_note
        self._show_error = show_error
        self._report_bug = report_bug
        self._saver = PassageSaver()
        self._lock = asyncio.Lock()
        self._last_error = ""

    def save_now(self) -> None:
        """Save the passage if it has changed. Raise StorageError for a failure that was not reported yet."""
        outcome = self._try_save() if self._is_on() else None
        if isinstance(outcome, Exception) and str(outcome) != self._last_error:
            raise outcome

    def save(self) -> None:
        """Save the passage if it has changed, and report a failure."""
        if self._is_on():
            self._report(self._try_save())
        self._show_notices()

    async def save_in_thread(self) -> None:
        """Save the passage in a thread if it has changed, and report a failure."""
        if self._is_on():
            async with self._lock:
                self._report(await asyncio.to_thread(self._try_save))
        self._show_notices()

    def _is_on(self) -> bool:
        return self._session.settings.autosave

    def _try_save(self) -> str | Exception | None:
        """Save the passage if it has changed. Return the saver's notice, None if there is none, or the error."""
        try:
            return self._saver.save(self._session.passage)
        except Exception as error:
            return error

    def _show_notices(self) -> None:
        for notice in take_notices():
            self._show_error(notice)

    def _report(self, outcome: str | Exception | None) -> None:
        if isinstance(outcome, Exception):
            if str(outcome) != self._last_error:
                self._report_failure(outcome)
            self._last_error = str(outcome)
            return
        if self._last_error:
            self._show_note("autosave works again")
        self._last_error = ""
        if outcome:
            self._show_note(outcome)

    def _report_failure(self, error: Exception) -> None:
        if isinstance(error, AfterglowError):
            self._show_error(f"not autosaved: {error}; the text is still here, and /export writes it elsewhere")
        else:
            self._report_bug(error)
