"""Paths that a user types, which lead anywhere, and those that a visitor of ``afterglow web`` types, which do not."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import UsageError
from .paths import data_dir


def is_visitor() -> bool:
    """True in a process that serves a visitor of ``afterglow web``, by the environment variable AFTERGLOW_VISITOR.

    It has a data folder of its own, and the paths that are typed in it lead nowhere else.
    """
    return bool(os.environ.get("AFTERGLOW_VISITOR"))


def typed_path(text: str) -> Path:
    """Return the path that a user typed: with "~" expanded, or for a visitor in their data folder.

    Raises UsageError if there is no such user, if no path has the text, or if it leads a visitor out of that folder.
    """
    if is_visitor():
        return _visitor_path(text)
    if "\0" in text:
        raise UsageError(f"{text!r} cannot be the path of a file")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise UsageError(f"cannot expand {text!r}: no such user; give the full path") from None


def _visitor_path(text: str) -> Path:
    path = data_dir() / text
    try:
        inside = path.resolve().is_relative_to(data_dir().resolve())
    except (OSError, RuntimeError, ValueError):  # a loop of links, a null character
        inside = False
    if not inside:  # the same for what exists and what does not
        raise UsageError(f"visitors have no access to {text!r}; give a name without folders")
    return path
