"""The lens: the candidates for one token as bars. It draws an Inspection, and knows nothing of sessions."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ....core.render.heat import SCALES
from .lens_layout import LensContent, LensLayout, lay_out


class Lens(Widget):
    """Figures, the candidates as bars, raw and shaped side by side, and the surprisal over the passage."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"lens--{name}" for name in ("title", "figure", "dim", "raw", "shaped", "token", "taken", "chosen")),
        *(f"lens--{name}{number}" for name in SCALES for number in range(5)),
    }

    class CandidateClicked(Message):
        """A candidate was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self) -> None:
        super().__init__()
        self._content = LensContent()
        self._layout_made: LensLayout | None = None
        self._layout_size = Size()
        self._style_cache: dict[str, Style] = {}

    def update(self, content: LensContent) -> None:
        """Show ``content``."""
        self._content = content
        self._layout_made = None
        self.refresh()

    def on_click(self, event: Click) -> None:
        """Post CandidateClicked if a candidate was clicked."""
        offset = event.get_content_offset(self)
        index = self.lens_layout.candidate_at(*offset) if offset else None
        if index is not None:
            self.post_message(self.CandidateClicked(index))

    def notify_style_update(self) -> None:
        """Discard cached styles: the theme has changed."""
        super().notify_style_update()
        self._style_cache.clear()

    def render_line(self, y: int) -> Strip:
        """Return a line as a strip. Rendering a Content would take ten times as long, for every frame of a text."""
        lines = self.lens_layout.lines
        parts = lines[y] if y < len(lines) else []
        base = self.rich_style
        strip = Strip([Segment(text, self._style_of(name)) for text, name in parts])
        return strip.adjust_cell_length(self.size.width, base).apply_style(base)

    @property
    def lens_layout(self) -> LensLayout:
        """The lines shown, and the places of the candidates, made when they are first needed at a size.

        Textual draws a resized widget before it tells the widget.
        """
        if self._layout_made is None or self._layout_size != self.size:
            self._layout_size = self.size
            self._layout_made = lay_out(self._content, *self.size)
        return self._layout_made

    @property
    def text(self) -> str:
        """Everything shown, as plain text."""
        return "\n".join("".join(text for text, _ in line) for line in self.lens_layout.lines)

    def _style_of(self, name: str) -> Style:
        if name not in self._style_cache:
            self._style_cache[name] = self.get_component_rich_style(f"lens--{name}")
        return self._style_cache[name]
