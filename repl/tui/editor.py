"""A page to change a text on: the passage, or a seed of several lines."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea


class Editor(ModalScreen[str | None]):
    """Ends with the changed text, or with None where it is to stay as it was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "Take it", priority=True),
        Binding("escape", "dismiss(None)", "Leave it as it was", priority=True),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """What to press, and the text."""
        with Vertical(id="editor"):
            yield Static(
                Content("change the text · Ctrl-S writes on from there · Esc leaves it as it was"), classes="title"
            )
            yield TextArea(self._text, soft_wrap=True, compact=True)

    def on_mount(self) -> None:
        """Stand at the end of the text."""
        area = self.query_one(TextArea)
        area.move_cursor(area.document.end)
        area.focus()

    def action_accept(self) -> None:
        """Take the text as it is now."""
        self.dismiss(self.query_one(TextArea).text)
