"""The status line, and the legend of the heat colors above it."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from ...core.render.heat import legend
from ...core.session.session import Session
from ...core.settings import SPECS
from ...core.text.copy_detection import CopyTracker
from .transcript import Transcript


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


class Legend(Static):
    """The levels of the setting ``heat`` in the colors that the transcript gives them. Hidden if heat is off."""

    def __init__(self, transcript: Transcript) -> None:
        super().__init__(id="legend", markup=False)
        self._transcript = transcript

    def show_heat(self, heat: str) -> None:
        """Show the legend of a kind of heat."""
        self.display = heat != "off"
        if self.display:
            title, levels = legend(heat)
            styled = ((name, self._transcript.heat_style(level)) for level, name in enumerate(levels))
            self.update(Content.assemble(f"{title}: ", *(part for level in styled for part in (level, "  "))))
