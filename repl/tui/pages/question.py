"""A question that is answered with yes or no."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ....core.sanitize import one_line
from ..keys.key_bindings import QUESTION_KEYS
from ..status.footer import KeyFooter
from ..status.footer_hints import QUESTION_HINTS


class Question(ModalScreen[bool]):
    """A question. Its result is True after the key y, False after n, Enter and Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [*QUESTION_KEYS]

    def __init__(self, question: str) -> None:
        super().__init__()
        self._question = one_line(question)

    def compose(self) -> ComposeResult:
        """Lay out the question, and the keys that answer it."""
        yield Static(Content.assemble(self._question, ("  y: yes · n, Esc: no", "dim")), id="question")
        yield KeyFooter(*QUESTION_HINTS)
