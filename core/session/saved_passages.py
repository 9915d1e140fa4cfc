"""All saved passages, autosaved or in a file of their own: finds, loads, renames and deletes them."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import StorageError
from . import archive_edits, passage_db, passage_files, passage_json
from .passage import Passage
from .stored_passage import SavedPassage, StoredPassage, no_such_number

MAX_LISTED = 200
"""Passages of each kind that a list has at most."""


def search(query: str = "") -> list[SavedPassage]:
    """Return the passages whose name or text contains each word of ``query``: autosaved ones, latest first, then files.

    Raises StorageError.
    """
    return passage_db.search_passages(query, MAX_LISTED) + passage_files.search(query, MAX_LISTED)


def find(name: str) -> list[SavedPassage]:
    """Return the passage of this name or number; if there is none, those that contain each word of ``name``.

    Several autosaved passages can have one name.
    """
    exact = _find_exact(name)
    return [exact] if exact else passage_db.find_named(name) or search(name)


def _find_exact(name: str) -> SavedPassage | None:
    """Return the file of this name, else the autosaved passage of this number. Raises StorageError if there is none."""
    file = passage_files.find(name)
    if file:
        return file
    number = name.removeprefix("#")
    if not number.isdecimal() or len(number) > 18:  # SQLite's integers have 63 bits
        return None
    found = passage_db.find_number(int(number))
    if found is None and name.startswith("#"):
        raise no_such_number(number)
    return found


def find_one(name: str) -> SavedPassage:
    """Return the only passage that ``find`` finds. Raises StorageError if there is none, or several."""
    found = find(name)
    if len(found) > 1:
        raise StorageError(f"several passages contain {name!r}; /open {name} lists them with their numbers")
    if not found:
        raise no_match(name)
    return found[0]


def find_latest() -> SavedPassage:
    """Return the passage that was changed last. Raises StorageError if there is none."""
    latest = passage_db.search_passages(limit=1) + passage_files.search("", 1)
    if not latest:
        raise StorageError("there is no saved passage yet; a seed begins one")
    return max(latest, key=lambda saved: saved.changed)


def no_match(name: str) -> StorageError:
    """Return the error for a name that no passage has."""
    return StorageError(f"no passage has {name!r} in its name or text; /open lists them all")


def load(saved: SavedPassage) -> StoredPassage:
    """Return the passage of an entry. Raises StorageError if it is gone or damaged."""
    return StoredPassage(passage_json.load(saved.name)) if saved.number is None else passage_db.load(saved.number)


def place_of(passage: Passage) -> SavedPassage | None:
    """Return where a passage is stored: its row, else its file unless that was changed since. None if nowhere."""
    row = passage_db.find_number(passage.row.id) if passage.row else None
    return row or passage_files.find_of(passage)


def is_place_of(saved: SavedPassage, passage: Passage) -> bool:
    """True if ``saved`` is where the passage is stored."""
    place = place_of(passage)
    return place is not None and place.key == saved.key


def rename(saved: SavedPassage, name: str, force: bool = False) -> None:
    """Give a passage another name. Raises UsageError if it is not allowed, or if it is another file's unless ``force``.

    Raises StorageError.
    """
    passage_json.path_for(name)
    if saved.number is None:
        passage_files.rename(saved.name, name, force)
    else:
        archive_edits.rename(saved.number, name)


def delete(saved: SavedPassage) -> Callable[[], None]:
    """Delete a passage. Return a function that brings it back. Raises StorageError."""
    return passage_files.delete(saved.name) if saved.number is None else archive_edits.delete(saved.number)
