"""A text area whose edits can all be undone, and whose cut text can be inserted again."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.binding import BindingType

from ..terminal.visible_text import VisibleTextArea
from .key_bindings import EDITING_KEYS


class EditArea(VisibleTextArea):
    """A text area with the keys of a shell: what they cut is kept, and pieces cut one after the other are joined."""

    BINDINGS: ClassVar[list[BindingType]] = [*EDITING_KEYS]

    _cut_text = ""
    _after_cut: tuple[str, int] | None = None

    @property
    def just_cut(self) -> bool:
        """True if nothing was done since a cut."""
        return self._after_cut == (self.text, self._cursor_index())

    def set_text(self, text: str) -> None:
        """Replace the text, and move the cursor to its end. This is an edit of its own, which can be undone."""
        self.history.checkpoint()
        self.replace(text, (0, 0), self.document.end)
        self.history.checkpoint()
        self.move_cursor(self.document.end)

    def action_paste_cut(self) -> None:
        """Insert what was cut last."""
        if self._cut_text:
            self._replace_via_keyboard(self._cut_text, *self.selection)

    def action_delete_word_left(self) -> None:
        """Cut the word before the cursor."""
        self._cut(super().action_delete_word_left)

    def action_delete_word_right(self) -> None:
        """Cut the word after the cursor."""
        self._cut(super().action_delete_word_right)

    def action_delete_to_start_of_line(self) -> None:
        """Cut the line before the cursor."""
        self._cut(super().action_delete_to_start_of_line)

    def action_delete_to_end_of_line(self) -> None:
        """Cut the line after the cursor, at its end the line break."""
        self._cut(self.action_delete_right if self.cursor_at_end_of_line else super().action_delete_to_end_of_line)

    def _cut(self, delete: Callable[[], None]) -> None:
        """Delete, and keep what was deleted. A piece that was cut right after another joins it."""
        previous = self._cut_text if self.just_cut else ""
        before, start = self.text, self._cursor_index()
        delete()
        text, end = self.text, self._cursor_index()
        if piece := before[end : end + len(before) - len(text)]:
            self._cut_text = piece + previous if end < start else previous + piece
            self._after_cut = text, end

    def _cursor_index(self) -> int:
        """Return the number of characters before the cursor."""
        return len(self.get_text_range((0, 0), self.cursor_location))
