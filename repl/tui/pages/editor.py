"""A screen to edit the text of the passage."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ...prompt_history import append_history
from ..keys.edit_area import EditArea
from ..keys.key_bindings import EDITOR_KEYS
from ..status.footer import KeyFooter
from ..status.footer_hints import EDITOR_HINTS


class Edited(NamedTuple):
    """The text that was edited, and True if it was accepted."""

    text: str
    accepted: bool


class Editor(ModalScreen[Edited]):
    """A text to edit. With a ``draft``, that is edited instead, and an undo brings the text back."""

    BINDINGS: ClassVar[list[BindingType]] = [*EDITOR_KEYS]

    def __init__(self, text: str, draft: str = "") -> None:
        super().__init__()
        self._text = text
        self._draft = draft
        self._area = EditArea(text, soft_wrap=True, compact=True)
        self._is_closed = False

    def compose(self) -> ComposeResult:
        """Lay out a title with the keys, and the text."""
        keys = "Ctrl-S accepts it and continues · Esc closes, and keeps a draft"
        title = f"your draft · Ctrl-Z brings the text back · {keys}" if self._draft else f"edit the text · {keys}"
        with Vertical(id="editor"):
            yield Static(Content(title), classes="title")
            yield self._area
        yield KeyFooter(*EDITOR_HINTS)

    def on_mount(self) -> None:
        """Show the draft, and move the cursor to the end."""
        self._area.set_text(self._draft or self._text)
        self._area.focus()

    def action_accept(self) -> None:
        """Return the text to continue it."""
        self._close(accepted=True)

    def action_close(self) -> None:
        """Return the text as a draft."""
        self._close(accepted=False)

    def on_unmount(self) -> None:
        """Keep an edit in the history of lines if the app ends meanwhile."""
        if not self._is_closed and self._area.text != self._text:
            append_history(self._area.text)

    def _close(self, accepted: bool) -> None:
        self._is_closed = True
        self.dismiss(Edited(self._area.text, accepted))
