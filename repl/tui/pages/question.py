"""A question that is answered with yes or no."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.events import Event, Key, Paste
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
        yield Static(Content(self._question), id="question")
        yield KeyFooter(*QUESTION_HINTS)


class AskingApp(App[None]):
    """An app that asks. Enter after a typed answer, as at a shell's question, is not for the page below."""

    _answered = False

    async def on_event(self, event: Event) -> None:
        """Drop Enter if the key before it was typed at a question that is closed now."""
        if isinstance(event, Key | Paste):
            asks, answered = any(isinstance(screen, Question) for screen in self.screen_stack), self._answered
            self._answered = asks and isinstance(event, Key) and event.is_printable
            if answered and not asks and isinstance(event, Key) and event.key == "enter":
                return
        await super().on_event(event)
