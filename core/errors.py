"""The errors that a user can do something about, each with a one-line message, and helpers to word the messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from .sanitize import one_line

SHOWN_NAMES = 6
"""Names that a message lists."""

MAX_LISTED_CHARS = 24
"""Characters of such a name that are shown."""


class AfterglowError(Exception):
    """Base class of errors that the user can do something about.

    The message is one line: what is wrong with which thing, and what to do. Front ends show it without a traceback.
    Names from elsewhere in it are safe to print: control characters are shown, and a long message is cut.
    """

    def __str__(self) -> str:
        return one_line(super().__str__())

    exit_code = 1
    """Exit code of the process: 1 for failures at run time, 2 for wrong usage."""


class UsageError(AfterglowError):
    """An invalid request: a value out of range, an unknown name, or options that exclude each other."""

    exit_code = 2


class SettingError(UsageError):
    """An unknown setting, or a value of the wrong type or out of range. The message names what is permitted."""


class CommandError(UsageError):
    """A slash command that is unknown, has wrong arguments, or is not possible now."""


class TextError(AfterglowError):
    """A text that cannot be read, or that is unsuitable, for example too short to train on."""


class ModelError(AfterglowError):
    """A model file that is missing, damaged, of another program, or of a newer format."""


class StorageError(AfterglowError):
    """A failure to write a file or to read it back: no permission, no space, or a passage that does not exist."""


class LockHeldError(StorageError):
    """A lock that another process holds. ``holder`` is the process's id, None if it is not known."""

    def __init__(self, path: Path, holder: int | None) -> None:
        super().__init__(f"{path} is in use by {f'process {holder}' if holder else 'another process'}; try again")
        self.holder = holder


class StateError(AfterglowError):
    """A saved state that is damaged or belongs to another model."""


class EngineError(AfterglowError):
    """An engine that was closed or has failed."""


class MissingExtraError(AfterglowError):
    """An optional dependency that is not installed. The message says how to install it."""


class TrainingError(AfterglowError):
    """A training run that cannot continue or cannot be resumed."""


def error_text(error: OSError) -> str:
    """Return the system's message for ``error``, first letter in lower case: "no space left on device"."""
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


def list_names(names: Sequence[str], default: str = "none") -> str:
    """Return the first names of a file's, shortened, and the number of the others: "Anna, Ben and 3 more"."""
    shown = ", ".join(
        name if len(name) <= MAX_LISTED_CHARS else f"{name[:MAX_LISTED_CHARS]}…" for name in names[:SHOWN_NAMES]
    )
    more = len(names) - SHOWN_NAMES
    return f"{shown} and {more:,} more" if more > 0 else shown or default


def suggest(name: str, known: Iterable[str], default: str = "", limit: int = 1, prefix: str = "") -> str:
    """Return "did you mean X or Y?" with up to ``limit`` names from ``known``, or ``default`` if none is similar.

    ``prefix`` is put before each name, for example "/".
    """
    import difflib  # not at start-up: only needed after a typing error

    close = difflib.get_close_matches(name, known, limit)
    return f"did you mean {' or '.join(prefix + match for match in close)}?" if close else default
