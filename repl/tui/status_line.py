"""The line that says how things stand: model, T, filters, copies, pace, and what is going on."""

from __future__ import annotations

from ...core.session.session import Session
from ...core.settings import SPECS
from ...core.text.copy_detection import CopyTracker


def format_status(session: Session, copy_tracker: CopyTracker | None, activity: str) -> str:
    """``copies`` tells of the text in hand, where there is one and its model has an index."""
    settings = session.settings
    temperature, speed = (SPECS[name].kind.show(getattr(settings, name)) for name in ("temperature", "speed"))
    parts = (
        session.model.name,
        f"T {temperature}",
        settings.format_active_filters(),
        copy_tracker.summary() if copy_tracker else "",
        f"{speed} characters/s" if settings.speed else "full speed",
        activity,
    )
    return " · ".join(part for part in parts if part)
