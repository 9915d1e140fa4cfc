"""The commands for saved passages: save, list, open, rename, delete."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from functools import partial

from ..errors import CommandError, StorageError
from ..events import Notice
from ..session import passage_json, saved_passages
from ..session.passage import Passage
from ..session.session import Session
from ..session.stored_passage import Deletion, SavedPassage
from ..settings import SPECS
from ..user_files import stamp_file
from .effects import Ask, Effect, Listing, Redraw


def save(session: Session, name: str = "", *, force: bool = False) -> Iterator[Effect]:
    """Save the passage under a name."""
    session.passage.current()
    path = passage_json.save(session.passage, name or passage_json.suggest_name(session.passage), force)
    yield Notice(f"saved: {path}")


def list_passages(query: str = "") -> list[tuple[str, str]]:
    """Return (name, description) of each passage that can be opened: autosaved ones, latest first, then named ones.

    Only passages whose name or text contains each word of ``query`` are listed.
    """
    return _to_rows(saved_passages.search(query))


def describe_latest() -> str:
    """Return the name and description of the passage that was changed last. Raises StorageError if there is none."""
    latest = saved_passages.find_latest()
    return f"{latest.key} {_describe_passage(latest)}"


def _to_rows(found: Sequence[SavedPassage]) -> list[tuple[str, str]]:
    return [(saved.key, _describe_passage(saved)) for saved in found]


def _describe_passage(saved: SavedPassage) -> str:
    """Return the name of an autosaved passage, the beginning of the text, its length, its model and the last change."""
    name = "" if saved.number is None else saved.name
    beginning = " ".join(saved.text[:60].split())
    length = f"{len(saved.text):,} characters" if saved.text or saved.number is not None else "saved under this name"
    changed = time.strftime("%Y-%m-%d %H:%M", time.localtime(saved.changed))
    return " · ".join(filter(None, (name, beginning, length, saved.model, changed)))


def open_(session: Session, name: str = "") -> Iterator[Effect]:
    """List the saved passages, or open one and restore its settings. List those that match if there are several."""
    found = saved_passages.find(name) if name else []
    if len(found) == 1:
        yield from _open(session, found[0])
        return
    rows = _to_rows(found) if name else list_passages()
    if name and not rows:
        raise saved_passages.no_match(name)
    title = f"passages with {name}" if name else "passages"
    if not rows:
        yield Listing(title, [("none", "/save saves one")])
        return
    place = saved_passages.place_of(session.passage)
    current = place.key if place else ""
    yield Listing(title, rows, "/open", list_passages, name, current, "/delete", "/rename")


def _open(session: Session, saved: SavedPassage) -> Iterator[Effect]:
    before = session.settings
    notice = session.load_passage(saved_passages.load(saved))
    changed = [n for n in SPECS if getattr(session.settings, n) != getattr(before, n)]
    restored = f"; restored {session.settings.format(changed)}" if changed else ""
    yield Redraw(f"opened {saved.key}{restored}")
    if notice:
        yield Notice(notice)


def rename(session: Session, words: Sequence[str], *, force: bool = False) -> Iterator[Effect]:
    """Give the passage a new name, or the one that ``words`` begin with: its number, or the name of its file."""
    *old, new = _split_names(words)
    passage_json.path_for(new)  # an invalid name is told first
    saved = saved_passages.find_one(old[0]) if old else _require_saved(session)
    file = session.passage.saved_as
    is_file = saved.number is None and file is not None and file.path == passage_json.path_for(saved.name)
    saved_passages.rename(saved, new, force)
    if is_file:
        session.passage.saved_as = stamp_file(passage_json.path_for(new))
    yield Notice(f"{saved.title} is now called {new!r}")


def _split_names(words: Sequence[str]) -> list[str]:
    """Return the new name in ``words``, after the old one if they begin with a number or the name of a file."""
    first, *rest = words
    names_old = bool(rest) and (first.startswith("#") or first in passage_json.list_names())
    return [first, " ".join(rest)] if names_old else [" ".join(words)]


def parse_words(_: Session, text: str) -> list[str]:
    """Return the words in ``text``. Those in quotes are one."""
    return [quoted or bare for quoted, bare in re.findall(r'"([^"]*)"|(\S+)', text)]


def quote_name(name: str) -> str:
    """Return a name as it is typed beside another one: in quotes if it has several words."""
    return f'"{name}"' if " " in name else name


def delete(session: Session, name: str = "", *, force: bool = False) -> Iterator[Effect]:
    """Delete the passage, or another one, after a question unless ``force``."""
    saved = saved_passages.find_one(name) if name else _require_saved(session)
    if force:
        yield from _delete(session, saved)
    else:
        yield Ask(f"delete {saved.title}?", partial(_delete, session, saved), f"/delete! {saved.key}")


def _delete(session: Session, saved: SavedPassage) -> Iterator[Effect]:
    """Delete a passage. If it is the open one, begin an empty one."""
    is_open = saved_passages.is_place_of(saved, session.passage)
    session.deletions.append(_delete_from_disk(saved, session.passage if is_open else None))
    if is_open:
        session.new_passage()
    yield Notice(f"deleted {saved.title}; /undelete brings it back until you quit")


def _delete_from_disk(saved: SavedPassage, passage: Passage | None) -> Deletion:
    """Delete a passage from the disk. ``passage`` is the open one if it is this one."""
    if passage:
        passage.deleted = True  # first: another thread may be saving it
    try:
        return Deletion(saved.title, saved_passages.delete(saved), saved.key, passage)
    except StorageError:
        if passage:
            passage.deleted = False
        raise


def undelete(session: Session) -> Iterator[Effect]:
    """Bring back what was deleted last in this session."""
    if not session.deletions:
        raise CommandError("nothing was deleted in this session")
    label, bring_back, key, passage = session.deletions[-1]
    bring_back()
    session.deletions.pop()
    if passage:
        _allow_saving(passage, key)
    if passage and not session.passage.nodes and passage.model_sha256 == session.model.file.sha256:
        session.passage = passage
        session.set_all(session.settings)
        yield Redraw(f"{label} is back")
    else:
        yield Notice(f"{label} is back; /open {key} opens it" if key else f"{label} is back")


def _allow_saving(passage: Passage, key: str) -> None:
    """Let a passage be saved again that is back under ``key``: its file is a new one."""
    passage.deleted = False
    if passage.saved_as and passage_json.name_of(passage.saved_as) == key:
        passage.saved_as = stamp_file(passage.saved_as.path)


def _require_saved(session: Session) -> SavedPassage:
    """Return where the session's passage is stored. Raises CommandError if nowhere."""
    session.passage.current()
    saved = saved_passages.place_of(session.passage)
    if saved is None:
        raise CommandError("this passage is not saved; /save saves it, /new begins another one")
    return saved
