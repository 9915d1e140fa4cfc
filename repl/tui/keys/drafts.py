"""Edits of passages that were not accepted yet."""

from __future__ import annotations


class Drafts:
    """One draft for each text that was edited. It is found again from that text, and from any continuation of it."""

    def __init__(self) -> None:
        self._drafts: dict[str, str] = {}

    @property
    def texts(self) -> list[str]:
        """All drafts, oldest first."""
        return list(self._drafts.values())

    def find(self, text: str) -> str:
        """Return the latest draft of a text, "" if there is none."""
        return next((self._drafts[base] for base in reversed(self._drafts) if _continues(text, base)), "")

    def keep(self, text: str, draft: str) -> bool:
        """Keep ``draft`` as the only one of ``text``. Return False if it is the text itself, or empty: no draft."""
        self.discard(text)
        if is_draft := draft not in (text, ""):
            self._drafts[text] = draft
        return is_draft

    def discard(self, text: str) -> None:
        """Forget the drafts of a text."""
        self._drafts = {base: draft for base, draft in self._drafts.items() if not _continues(text, base)}


def _continues(text: str, base: str) -> bool:
    """Return True if ``text`` is ``base`` or continues it. Every text would continue an empty one, so none does."""
    return text == base or (bool(base) and text.startswith(base))
