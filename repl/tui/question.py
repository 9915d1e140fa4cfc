"""A question that is answered with yes or no."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ...core.sanitize import one_line


class Question(ModalScreen[bool]):
    """A question. Its result is True after the key y, False after n, Enter and Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Yes"),
        Binding("n,enter,escape", "dismiss(False)", "No", key_display="n"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = one_line(question)

    def compose(self) -> ComposeResult:
        """Lay out the question, and the keys that answer it."""
        yield Static(Content.assemble(self._question, ("  y: yes · n, Esc: no", "dim")), id="question")
