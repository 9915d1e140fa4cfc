"""A sweep on the screen: a column for each temperature, the character marked where they part, one to be picked."""

from __future__ import annotations

from collections.abc import Callable

from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widgets import Static

from ...core.generation.sweep import Column, Sweep
from ...core.render.heat import surprisal
from ...core.text.copy_detection import CopyTracker
from .transcript import Transcript
from .wrapping import StyledText


class SweepView(Horizontal):
    """Shows a sweep as it grows. ``chosen`` is the number of the column that Enter would pick."""

    def __init__(self) -> None:
        super().__init__()
        self.display = False
        self.sweep: Sweep | None = None
        self.chosen_index = 0
        self._columns: list[SweepColumnView] = []

    async def show(
        self, sweep: Sweep, heat: str, make_copy_tracker: Callable[[], CopyTracker | None] = lambda: None
    ) -> None:
        """Begin to show a sweep; ``marks`` makes what tells of a column's tokens whether they are copied."""
        self.sweep, self.chosen_index = sweep, 0
        self._columns = [SweepColumnView(number, column) for number, column in enumerate(sweep.columns)]
        await self.remove_children()
        await self.mount_all(self._columns)
        self.display = True
        for page in self._columns:
            page.begin(sweep.seed, heat, make_copy_tracker())
        self.choose(0)

    def grow(self) -> None:
        """Show what was written since, and where the columns part."""
        parted = self.sweep.first_difference() if self.sweep else None
        for page in self._columns:
            page.grow()
            if parted is not None:
                page.mark_token(parted)

    def choose(self, number: int) -> None:
        """Choose another column."""
        self.chosen_index = min(len(self._columns) - 1, max(0, number))
        for page in self._columns:
            page.set_class(page.number == self.chosen_index, "-chosen")

    def close(self) -> None:
        """Put the sweep away."""
        self.sweep, self.display = None, False


class SweepColumnView(Vertical):
    """One column: a head, and the text."""

    class ColumnClicked(Message):
        """Somebody clicked on the column."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, number: int, column: Column) -> None:
        super().__init__()
        self.number = number
        self._column, self._shown_count, self._is_marked, self._is_finished = column, 0, False, False
        self._head, self._transcript = Static(classes="head", markup=False), Transcript()
        self.compose_add_child(self._head)
        self.compose_add_child(self._transcript)

    def begin(self, seed: str, heat: str, copy_tracker: CopyTracker | None) -> None:
        """Show the seed."""
        self._transcript.set_heat(heat)
        self._transcript.begin_text([StyledText(seed, "seed")], copy_tracker=copy_tracker)
        self._set_title()

    def grow(self) -> None:
        """Show what was written since; at the end, how surprising it was, and how much of it is copied."""
        tokens = self._column.tokens[self._shown_count :]
        self._shown_count += len(tokens)
        self._transcript.write([StyledText(token.text, "text", token) for token in tokens])
        if self._column.reason and not self._is_finished:
            self._is_finished = True
            self._transcript.write([StyledText(self._column.tail)])
            mean = sum(map(surprisal, self._column.tokens)) / max(1, len(self._column.tokens))
            copies = self._transcript.copy_tracker
            self._set_title(f"{mean:.1f} bits" + (f", {copies.share:.0%} copied" if copies else ""))

    def _set_title(self, figures: str = "") -> None:
        """T first, which is seen in the narrowest column; then the key that picks it; figures below."""
        self._head.update(Content(f"T {self._column.temperature:.2f}  [{self.number + 1}]\n{figures}"))

    def mark_token(self, character: int) -> None:
        """Mark the token that holds a character of the text."""
        if self._is_marked:
            return
        end = 0
        for index, place in enumerate(self._transcript.token_spans):
            end += len(place.token.text)
            if end > character:
                self._transcript.highlight_token(index)
                self._is_marked = True
                return

    def on_click(self, event: Click) -> None:
        """Tell which column was clicked on."""
        event.stop()
        self.post_message(self.ColumnClicked(self.number))
