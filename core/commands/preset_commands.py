"""The command for presets: list, apply, save, delete."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from .. import presets
from ..events import Notice
from ..session.session import Session
from ..session.stored_passage import Deletion
from ..text.find import contains_words
from .effects import Ask, Effect, Listing


def preset(session: Session, name: str = "", other: str = "", *, force: bool = False) -> Iterator[Effect]:
    """List the presets, apply one, save the current settings as a new one, or delete one."""
    if not name:
        yield Listing("presets", list_presets(), "/preset", list_presets, delete_command="/preset delete")
    elif name == "save" and other:
        presets.save(other, session.settings, force, session.defaults)
        yield Notice(f"current settings saved as preset {other}")
    elif name == "delete" and other:
        presets.require_own(other)
        on_yes = partial(_delete, session, other)
        yield from on_yes() if force else [Ask(f"delete the preset {other}?", on_yes, f"/preset! delete {other}")]
    else:
        session.set_all(presets.apply(name, session.settings, session.defaults))
        yield Notice(f"{name}: {presets.describe(presets.load_all()[name])}")


def _delete(session: Session, name: str) -> Iterator[Effect]:
    session.deletions.append(Deletion(f"the preset {name}", presets.delete(name)))
    yield Notice(f"deleted the preset {name}; /undelete brings it back until you quit")


def list_presets(query: str = "") -> list[tuple[str, str]]:
    """Return (name, the settings it changes) of each preset in which each word of ``query`` is."""
    rows = [(name, presets.describe(values)) for name, values in presets.load_all().items()]
    return [row for row in rows if contains_words(" ".join(row), query)]
