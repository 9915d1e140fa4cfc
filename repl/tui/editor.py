"""A screen to edit the text of the passage."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from .visible_text import VisibleTextArea


class Editor(ModalScreen[str | None]):
    """A text to edit. Its result is the edited text, or None if editing was canceled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "Accept"),  # without priority: keys typed before it are in the text by then
        Binding("escape", "dismiss(None)", "Cancel", priority=True),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """Lay out a title with the keys, and the text."""
        with Vertical(id="editor"):
            yield Static(Content("edit the text · Ctrl-S accepts it and continues · Esc cancels"), classes="title")
            yield VisibleTextArea(self._text, soft_wrap=True, compact=True)

    def on_mount(self) -> None:
        """Move the cursor to the end of the text."""
        area = self.query_one(VisibleTextArea)
        area.move_cursor(area.document.end)
        area.focus()

    def action_accept(self) -> None:
        """Return the text."""
        self.dismiss(self.query_one(VisibleTextArea).text)
