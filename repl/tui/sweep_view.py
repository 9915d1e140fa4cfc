"""A sweep on the screen: a column for each temperature, the character marked where they part, one to be picked."""

from __future__ import annotations

from collections.abc import Callable

from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widgets import Static

from ...core.generation.sweep import Column, Sweep
from ...core.render.heat import surprise
from ...core.text.copy_detection import CopyMarks
from .transcript import Transcript
from .wrapping import Piece


class Columns(Horizontal):
    """Shows a sweep as it grows. ``chosen`` is the number of the column that Enter would pick."""

    def __init__(self) -> None:
        super().__init__()
        self.display = False
        self.sweep: Sweep | None = None
        self.chosen = 0
        self._pages: list[Page] = []

    async def show(self, sweep: Sweep, heat: str, marks: Callable[[], CopyMarks | None] = lambda: None) -> None:
        """Begin to show a sweep; ``marks`` makes what tells of a column's tokens whether they are copied."""
        self.sweep, self.chosen = sweep, 0
        self._pages = [Page(number, column) for number, column in enumerate(sweep.columns)]
        await self.remove_children()
        await self.mount_all(self._pages)
        self.display = True
        for page in self._pages:
            page.begin(sweep.seed, heat, marks())
        self.choose(0)

    def grow(self) -> None:
        """Show what was written since, and where the columns part."""
        assert self.sweep
        parted = self.sweep.parted()
        for page in self._pages:
            page.grow()
            if parted is not None:
                page.mark(parted)

    def choose(self, number: int) -> None:
        """Choose another column."""
        self.chosen = min(len(self._pages) - 1, max(0, number))
        for page in self._pages:
            page.set_class(page.number == self.chosen, "-chosen")

    def close(self) -> None:
        """Put the sweep away."""
        self.sweep, self.display = None, False


class Page(Vertical):
    """One column: a head, and the text."""

    class Picked(Message):
        """Somebody clicked on the column."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, number: int, column: Column) -> None:
        super().__init__()
        self.number = number
        self._column, self._shown, self._marked, self._over = column, 0, False, False
        self._head, self._text = Static(classes="head", markup=False), Transcript()
        self.compose_add_child(self._head)
        self.compose_add_child(self._text)

    def begin(self, seed: str, heat: str, copies: CopyMarks | None) -> None:
        """Show the seed."""
        self._text.colour(heat)
        self._text.show([Piece(seed, "seed")], copies=copies)
        self._entitle()

    def grow(self) -> None:
        """Show what was written since; at the end, how surprising it was, and how much of it is copied."""
        tokens = self._column.tokens[self._shown :]
        self._shown += len(tokens)
        self._text.write([Piece(token.text, "text", token) for token in tokens])
        if self._column.reason and not self._over:
            self._over = True
            self._text.write([Piece(self._column.tail)])
            mean = sum(map(surprise, self._column.tokens)) / max(1, len(self._column.tokens))
            copies = self._text.copies
            self._entitle(f"{mean:.1f} bits" + (f", {copies.share:.0%} copied" if copies else ""))

    def _entitle(self, figures: str = "") -> None:
        """T first, which is seen in the narrowest column; then the key that picks it; figures below."""
        self._head.update(Content(f"T {self._column.temperature:.2f}  [{self.number + 1}]\n{figures}"))

    def mark(self, character: int) -> None:
        """Mark the token that holds a character of the text."""
        if self._marked:
            return
        end = 0
        for index, place in enumerate(self._text.places):
            end += len(place.token.text)
            if end > character:
                self._text.point(index)
                self._marked = True
                return

    def on_click(self, event: Click) -> None:
        """Tell which column was clicked on."""
        event.stop()
        self.post_message(self.Picked(self.number))
