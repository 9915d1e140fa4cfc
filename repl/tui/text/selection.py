"""Text selected with the mouse: only in a transcript, and only what the mouse was dragged over."""

from __future__ import annotations

from functools import partial

from textual.errors import NoWidget
from textual.geometry import Offset
from textual.screen import Screen
from textual.selection import SELECT_ALL, Selection
from textual.widget import Widget
from textual.widgets import TextArea

from ...clipboard import copy_with_tool
from ..terminal.visible_text import VisibleApp
from .document_view import DocumentView


class SelectingScreen(Screen[None]):
    """A screen on which text can be selected in transcripts only.

    The toolkit selects every widget that the mouse is dragged over, and a widget to its end if the mouse leaves its
    text. Here a selection stays in the transcript in which it began, and ends at the character nearest to the mouse.
    """

    def validate_selections(self, selections: dict[Widget, Selection]) -> dict[Widget, Selection]:
        """Return the parts of transcripts. On a double click, the toolkit selects a whole widget and all in it."""
        parts = ((widget, part) for widget, part in selections.items() if isinstance(widget, DocumentView))
        return {widget: part for widget, part in parts if part != SELECT_ALL}

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        """Return the transcript at a place and the character nearest to it, as the toolkit asks for a selection."""
        widget = self._select_state.start.content_widget if self._select_state and self._selecting else None
        try:
            widget = widget or self.get_widget_at(x, y)[0]
        except NoWidget:
            return None, None
        if isinstance(widget, DocumentView):
            return widget, widget.nearest_character(x, y)
        return (None if widget.allow_select else widget), None


class SelectingApp(VisibleApp):
    """An app whose main screen is a ``SelectingScreen``. What it copies goes to the system's clipboard too."""

    def get_default_screen(self) -> SelectingScreen:
        """Return the main screen."""
        return SelectingScreen(id="_default")

    def copy_to_clipboard(self, text: str) -> None:
        """Copy a text to the clipboards of the terminal and of the system."""
        super().copy_to_clipboard(text)
        self.run_worker(partial(copy_with_tool, text), group="clipboard", thread=True)

    def clear_selection(self) -> None:
        """Clear the selection if one in a text area takes its place. The toolkit clears it whenever a key is typed."""
        if not isinstance(self.focused, TextArea) or self.focused.selected_text:
            super().clear_selection()
