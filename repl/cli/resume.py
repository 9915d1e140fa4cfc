"""The passage that ``afterglow --continue`` or ``--open`` begins with, and the line about it that stays at the end."""

from __future__ import annotations

import contextlib
import shlex
import sys
from typing import TYPE_CHECKING

import click

from ...core.command_line import echo, echo_notice
from ...core.errors import AfterglowError

if TYPE_CHECKING:
    from ...core.session.session import Session
    from ...core.session.stored_passage import SavedPassage


def find_or_explain(last: bool, name: str | None) -> list[SavedPassage]:
    """Return what ``find_passages`` finds. If it finds none, print notices about the archive, which may explain it."""
    try:
        return find_passages(last, name)
    except AfterglowError:
        from ...core.session.passage_tables import take_notices

        for notice in take_notices():
            echo_notice(notice)
        raise


def find_passages(last: bool, name: str | None) -> list[SavedPassage]:
    """Return the last passage, or those that ``name`` finds. Empty if neither is asked for.

    Raises StorageError if there is none, or if there are several and a script cannot choose.
    """
    from ...core.session import saved_passages

    if last and name is not None:
        raise click.UsageError("--continue and --open exclude each other")
    if last:
        return [saved_passages.find_latest()]
    found = saved_passages.find(name) if name else []
    is_script = sys.stdin is None or not sys.stdin.isatty()
    return [saved_passages.find_one(name)] if name and (is_script or not found) else found


def choose_model(found: list[SavedPassage]) -> str | None:
    """Return the model that wrote the passage that was found, None if there are several, or no model of that name.

    Of a model that had learned, it is the parent.
    """
    from ...core.inference.library import name_of_parent
    from ...core.inference.mixture import is_in_library

    models = {saved.model if is_in_library(saved.model) else name_of_parent(saved.model) for saved in found}
    names = set(filter(is_in_library, models))
    return names.pop() if len(found) == 1 and names else None


def opening_line(found: list[SavedPassage], name: str | None) -> str:
    """Return the line that opens the passage that was found, or lists them if there are several. "" if none is."""
    if not found:
        return ""
    return f"/open {found[0].key if len(found) == 1 else name}"


def print_farewell(session: Session) -> None:
    """Say on the terminal how to go on with the session's passage, if it is autosaved."""
    from ...core.session import saved_passages

    if not (session.settings.autosave and session.passage.row and sys.stderr and sys.stderr.isatty()):
        return
    with contextlib.suppress(AfterglowError, OSError):  # the terminal may be gone
        place = saved_passages.place_of(session.passage)
        if place:
            is_latest = saved_passages.find_latest().key == place.key  # another window may have saved since
            flag = "--continue" if is_latest else f"--open {shlex.quote(place.key)}"
            echo(f"{place.title} is saved; go on with: afterglow {flag}", err=True)
