"""The command for presets: list, apply, save."""

from __future__ import annotations

from collections.abc import Iterator

from .. import presets
from ..events import Notice
from ..session.session import Session
from .effects import Effect, Listing


def preset(session: Session, name: str = "", new_name: str = "", *, replace: bool = False) -> Iterator[Effect]:
    """List the presets, apply one, or save the current settings as a new one."""
    if not name:
        yield Listing("presets", list_presets(), "/preset")
    elif name == "save" and new_name:
        presets.save(new_name, session.settings, replace)
        yield Notice(f"current settings saved as preset {new_name}")
    else:
        session.set_all(presets.apply(name, session.settings, session.model.settings))
        yield Notice(f"{name}: {presets.describe(presets.load_all()[name])}")


def list_presets() -> list[tuple[str, str]]:
    """Return (name, the settings it changes) of each preset."""
    return [(name, presets.describe(values)) for name, values in presets.load_all().items()]
