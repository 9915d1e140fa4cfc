"""The status line."""

from __future__ import annotations

from ...core.session.session import Session
from ...core.settings import SPECS
from ...core.text.copy_detection import CopyTracker


def format_status(session: Session, copy_tracker: CopyTracker | None, activity: str) -> str:
    """Return model, temperature, filters, copied share, speed and ``activity`` in one line.

    ``copy_tracker`` finds copied runs in the current text. None if there is no text, or copies are not tracked.
    """
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
