"""A passage as storage returns it, before a model has decoded its snapshots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..errors import StorageError
from ..text.find import contains_words
from .passage import Passage

MAX_TITLE = 30
"""Characters of a text that stand for it where it has no name."""

MAX_TIME = 253_402_300_800.0
"""Unix time at the end of the year 9999."""


class SavedPassage(NamedTuple):
    """A passage that can be opened: the Unix time of its last change, its model, its text and its name.

    ``number`` is that of an autosaved passage, whose name may be "". It is None if the passage is a file of this name.
    """

    number: int | None
    changed: float
    model: str
    text: str
    name: str = ""

    @classmethod
    def from_row(cls, number: int, changed: object, model: object, text: object, name: object) -> SavedPassage:
        """Return the passage of a database row. In place of a damaged value it has 0 or ""."""
        return cls(
            number,
            changed if isinstance(changed, float) and 0 <= changed < MAX_TIME else 0.0,
            model if isinstance(model, str) else "",
            text if isinstance(text, str) else "",
            name if isinstance(name, str) else "",
        )

    @property
    def key(self) -> str:
        """The name that /open finds it by: "#12", or the name of a file."""
        return self.name if self.number is None else f"#{self.number}"

    @property
    def title(self) -> str:
        """Its key, and its name or the beginning of its text: '#12 "ROMEO:"'."""
        if self.number is None:
            return repr(self.name)
        beginning = " ".join(self.text[:MAX_TITLE].split())
        return f'{self.key} "{self.name or beginning}"'

    def matches(self, query: str) -> bool:
        """True if each word of ``query`` is in its text or name, ignoring case."""
        return contains_words(f"{self.name}\n{self.text}", query)


def no_such_number(number: int | str) -> StorageError:
    """Return the error for a number that no autosaved passage has."""
    return StorageError(f"there is no passage #{number}; /open lists them")


class StoredSnapshot(NamedTuple):
    """A snapshot of a node, as bytes. ``is_start`` is True if it is the one before the node's first token."""

    node: int
    is_start: bool
    data: bytes

    @classmethod
    def from_row(cls, node: object, is_start: object, data: object) -> StoredSnapshot | None:
        """Return the snapshot of a database row, None if the row is damaged."""
        if type(node) is not int or node < 0 or is_start not in (0, 1) or not isinstance(data, bytes):
            return None
        return cls(node, bool(is_start), data)


class StoredPassage(NamedTuple):
    """A loaded passage, and its stored snapshots."""

    passage: Passage
    snapshots: Sequence[StoredSnapshot] = ()


class Deletion(NamedTuple):
    """Something that was deleted: its name, and a function that brings it back.

    ``key`` is the name that /open finds a passage by, "" for another thing. ``passage`` is the passage if it was open.
    """

    label: str
    bring_back: Callable[[], None]
    key: str = ""
    passage: Passage | None = None
