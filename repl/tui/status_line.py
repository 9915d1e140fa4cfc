"""The line that says how things stand: model, T, filters, copies, pace, and what is going on."""

from __future__ import annotations

from ...core.session.session import Session
from ...core.settings import SPECS
from ...core.text.copy_detection import CopyMarks


def status(session: Session, copies: CopyMarks | None, doing: str) -> str:
    """``copies`` tells of the text in hand, where there is one and its model has an index."""
    settings = session.settings
    temperature, speed = (SPECS[name].kind.show(getattr(settings, name)) for name in ("temperature", "speed"))
    parts = (
        session.model.name,
        f"T {temperature}",
        settings.filters_told(),
        copies.told() if copies else "",
        f"{speed} characters/s" if settings.speed else "full speed",
        doing,
    )
    return " · ".join(part for part in parts if part)
