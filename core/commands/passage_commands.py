"""The commands for saved passages: save, list, open."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ..events import Notice
from ..session import passage_db, passage_json
from ..session.session import Session
from ..session.stored_passage import SavedPassage
from ..settings import SPECS
from .effects import Effect, Listing, Redraw


def save(session: Session, name: str = "", *, replace: bool = False) -> Iterator[Effect]:
    """Save the passage under a name."""
    session.passage.current()
    path = passage_json.save(session.passage, name or passage_json.suggest_name(session.passage), replace)
    yield Notice(f"saved: {path}")


def list_passages(query: str = "") -> list[tuple[str, str]]:
    """Return (name, description) of each passage that can be opened: autosaved ones, latest first, then named ones.

    Only passages whose text or name contains ``query`` are listed.
    """
    autosaved = [(f"#{each.number}", _describe_passage(each)) for each in passage_db.search_passages(query)]
    names = (name for name in passage_json.list_names() if query.lower() in name.lower())
    return autosaved + [(name, "saved under this name") for name in names]


def _describe_passage(entry: SavedPassage) -> str:
    beginning = " ".join(entry.text[:60].split())
    changed = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.changed))
    return f"{beginning} · {len(entry.text):,} characters · {entry.model} · {changed}"


def open_(session: Session, name: str = "") -> Iterator[Effect]:
    """List the saved passages, or open one and restore its settings."""
    if not name:
        rows = list_passages()
        command = "/open" if rows else ""
        yield Listing("passages", rows or [("none", "/save saves one")], command, list_passages)
        return
    before = session.settings
    notice = session.load_passage(passage_db.open_by_name(name))
    changed = [n for n in SPECS if getattr(session.settings, n) != getattr(before, n)]
    restored = f"; restored {session.settings.format(changed)}" if changed else ""
    yield Redraw(f"opened {name}{restored}")
    if notice:
        yield Notice(notice)
