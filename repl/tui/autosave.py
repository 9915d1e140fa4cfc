"""Keeps the passage on disk while it grows, beside everything else, and says when that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ...core.errors import AfterglowError
from ...core.session.passage_db import Keeper
from ...core.session.session import Session

EVERY = 1.0
"""Seconds between two looks at a passage that grows: so much is lost at the most when the process is killed."""


class Autosave:
    """``say`` shows a line to the reader, ``complain`` one that stands out; each trouble is told once. A bug goes to
    ``report`` and costs nobody the text.
    """

    def __init__(
        self,
        session: Session,
        say: Callable[[str], None],
        complain: Callable[[str], None],
        report: Callable[[Exception], None],
    ) -> None:
        self._session, self._say, self._complain, self._report = session, say, complain, report
        self._keeper, self._turn = Keeper(), asyncio.Lock()
        self._trouble = ""

    async def keep(self) -> None:
        """Save what is new, on a thread."""
        if self._session.settings.autosave == "off":
            return
        async with self._turn:
            try:
                told = await asyncio.to_thread(self._keeper.keep, self._session.passage)
            except Exception as error:
                if str(error) != self._trouble:
                    self._tell(error)
                self._trouble = str(error)
                return
        if self._trouble:
            self._say("autosaved again, with all that was missing")
        self._trouble = ""
        if told:
            self._say(told)

    def _tell(self, error: Exception) -> None:
        if isinstance(error, AfterglowError):
            self._complain(f"not autosaved: {error}; the text is here, and /export writes it elsewhere")
        else:
            self._report(error)

    def keep_now(self) -> None:
        """Save what is new before the process ends; raises StorageError."""
        if self._session.settings.autosave == "on":
            self._keeper.keep(self._session.passage)
