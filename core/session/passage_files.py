"""Finds, renames and deletes the passages that are saved under a name. A deleted one can be brought back."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import islice

from ..errors import StorageError, UsageError, error_text
from ..file_io import write_atomically
from ..user_files import FileStamp, stamp_file
from .passage import Passage
from .passage_json import FORMAT_ERRORS, from_json, list_files, name_of, path_for
from .stored_passage import SavedPassage

MAX_SEARCHED_BYTES = 20_000_000
"""Size of a file above which it is found by its name only. A text of 200,000 characters has about so many."""


def search(query: str, limit: int) -> list[SavedPassage]:
    """Return saved passages whose name or text contains each word of ``query``, newest first."""
    found = (saved for saved in map(_read, list_files()) if saved.matches(query))
    return list(islice(found, limit))


def find(name: str) -> SavedPassage | None:
    """Return the passage saved under ``name``, None if there is none."""
    return next((_read(stamp) for stamp in list_files() if name_of(stamp) == name), None)


def find_of(passage: Passage) -> SavedPassage | None:
    """Return the file that a passage was saved to or read from, None if there is none, or it was changed since."""
    stamp = passage.saved_as
    return _read(stamp) if stamp and stamp_file(stamp.path) == stamp else None


def rename(name: str, new_name: str, force: bool = False) -> None:
    """Give a file another name. Raises UsageError if another file has it, unless ``force``. Raises StorageError."""
    path, target = path_for(name), path_for(new_name)
    if target.exists() and target != path and not force:
        raise UsageError(f"there is another passage {new_name!r}; choose another name, or /rename! to replace it")
    try:
        path.replace(target)
    except OSError as error:
        raise StorageError(f"cannot rename {path}: {error_text(error)}") from error


def delete(name: str) -> Callable[[], None]:
    """Delete a file. Return a function that brings it back. Raises StorageError."""
    path = path_for(name)
    try:
        content = path.read_bytes()
        path.unlink()
    except OSError as error:
        raise StorageError(f"cannot delete {path}: {error_text(error)}") from error
    return partial(_bring_back, name, content)


def _bring_back(name: str, content: bytes) -> None:
    """Write a deleted file again. Raises UsageError if another passage has its name meanwhile. Raises StorageError."""
    if path_for(name).exists():
        raise UsageError(f"there is another passage {name!r}; /rename it, then /undelete brings the deleted one back")
    write_atomically(path_for(name), content)


@lru_cache(maxsize=4096)  # reading a passage of 500 characters takes 1 ms, and a list is searched for every key
def _read(stamp: FileStamp) -> SavedPassage:
    """Return the passage in a file. If it cannot be read, it has no text and no model."""
    changed = stamp.changed / 1e9
    try:
        if stamp.size > MAX_SEARCHED_BYTES:
            return SavedPassage(None, changed, "", "", name_of(stamp))
        passage = from_json(stamp.path.read_text("utf-8"))
    except (OSError, *FORMAT_ERRORS):
        return SavedPassage(None, changed, "", "", name_of(stamp))
    return SavedPassage(None, changed, passage.model, passage.text(), name_of(stamp))
