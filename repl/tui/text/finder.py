"""Finds words in the passage on the screen, and goes from one place to the next."""

from __future__ import annotations

from ....core.errors import CommandError
from ....core.text.find import describe_no_match
from .transcript import Transcript


class Finder:
    """Finds words in the current text of a transcript, until ``leave`` is called or another text begins."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._query = ""

    @property
    def active(self) -> bool:
        """True while places are highlighted."""
        return self._transcript.matches is not None

    @property
    def summary(self) -> str:
        """The chosen place and the number of all: "match 2 of 7". "" if nothing is searched for."""
        matches = self._transcript.matches
        return f"match {matches.index + 1:,} of {len(matches):,}" if matches else ""

    def find(self, query: str) -> None:
        """Highlight the places of a query, and go to the first. If it is "", go to the next place of the last query.

        Raises an error if there is no place, or no query.
        """
        if not (query or self._query):
            raise CommandError("usage: /find TEXT")
        if query:
            self._transcript.end_find()
        self._query = query or self._query
        if not self._transcript.find(self._query, 1):
            raise CommandError(describe_no_match(self._query))

    def step(self, step: int) -> None:
        """Go to the next place (1) or the previous one (-1). The text may have grown since the last step."""
        self._transcript.find(self._query, step)

    def leave(self) -> None:
        """Highlight nothing."""
        self._transcript.end_find()
