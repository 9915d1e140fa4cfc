"""Shows a sweep: a column for each value of a setting, with the first token that differs marked."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widgets import Static

from ...core.generation.sweep import Column, Sweep
from ...core.render.heat import surprisal
from ...core.text.copy_tracker import CopyTracker
from .text.line_painter import UnitValue
from .text.transcript import Transcript
from .text.wrapping import StyledText

MIN_SWEEP_COLUMN_WIDTH = 19
"""Minimum columns of the terminal for a column of a sweep. On a narrower terminal some of them are hidden."""


class SweepView(Horizontal):
    """Shows a sweep as it grows. ``sweep`` is None while it is closed. Enter picks the column ``chosen_index``."""

    def __init__(self) -> None:
        super().__init__()
        self.display = False
        self.sweep: Sweep | None = None
        self.chosen_index = 0
        self._first_shown = 0
        self._columns: list[SweepColumnView] = []

    @property
    def temperatures(self) -> tuple[float, ...]:
        """Temperatures of the columns; none while it is closed, they are hidden, or the columns differ in style."""
        sweep = self.sweep
        values = [sweep.value(number) for number in range(len(sweep.columns))] if sweep and not sweep.hidden else []
        return tuple(value for value in values if isinstance(value, float))

    @property
    def hides_values(self) -> bool:
        """True while a blind sweep is shown."""
        return self.sweep is not None and self.sweep.hidden

    def show_titles(self) -> None:
        """Show the titles of the columns as they are now: a blind sweep may have been revealed."""
        for view in self._columns:
            view.show_title()

    async def show(
        self,
        sweep: Sweep,
        make_copy_tracker: Callable[[], CopyTracker | None],
        unit_value_of: Callable[[Column], UnitValue],
    ) -> None:
        """Open the view for a sweep. The functions are called for each column."""
        self.sweep = sweep
        self._first_shown = 0
        self._columns = [SweepColumnView(number, sweep) for number in range(len(sweep.columns))]
        await self.remove_children()
        await self.mount_all(self._columns)
        self.display = True
        for view in self._columns:
            view.begin(sweep.seed, make_copy_tracker(), unit_value_of(view.column))
        self.choose(0)

    def set_heat(self, heat: str, marks_copies: bool) -> None:
        """Color tokens by the setting ``heat``. ``marks_copies`` is True to mark copied runs."""
        for view in self._columns:
            view.set_heat(heat, marks_copies)

    def grow(self) -> None:
        """Show new tokens, and mark the first that differs."""
        difference = self.sweep.first_difference() if self.sweep else None
        for view in self._columns:
            view.grow()
            if difference is not None:
                view.mark_token(difference)

    def choose(self, number: int) -> None:
        """Choose column ``number``, from 0. Below 0 it is the first one, above the last index the last one."""
        self.chosen_index = min(len(self._columns) - 1, max(0, number))
        for view in self._columns:
            view.set_class(view.number == self.chosen_index, "-chosen")
        self._arrange()

    def on_resize(self) -> None:
        """Show as many columns as there is room for."""
        self._arrange()

    def _arrange(self) -> None:
        """Show the chosen column and those beside it. If not all fit, they are split evenly."""
        count = len(self._columns)
        if not count:
            return
        fitting = max(1, self.size.width // MIN_SWEEP_COLUMN_WIDTH)
        shown = ceil(count / ceil(count / fitting))
        self._first_shown = min(max(self._first_shown, self.chosen_index - shown + 1), self.chosen_index, count - shown)
        end = self._first_shown + shown
        for number, view in enumerate(self._columns):
            view.display = self._first_shown <= number < end
            view.mark_more(left=number == self._first_shown > 0, right=number == end - 1 < count - 1)

    def close(self) -> None:
        """Hide the sweep."""
        self.sweep = None
        self.display = False


class SweepColumnView(Vertical):
    """One column of a sweep: a title, and the text below it."""

    class ColumnClicked(Message):
        """The column was clicked."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, number: int, sweep: Sweep) -> None:
        super().__init__()
        self.number = number
        self._sweep = sweep
        self.column = sweep.columns[number]
        self._shown_count = 0
        self._is_marked = False
        self._is_finished = False
        self._figures = ""
        self._more = ("", "")
        self._head = Static(classes="head", markup=False)
        self._transcript = Transcript()
        self.compose_add_child(self._head)
        self.compose_add_child(self._transcript)

    def begin(self, seed: str, copy_tracker: CopyTracker | None, unit_value: UnitValue) -> None:
        """Show the seed."""
        self._transcript.set_unit_values(unit_value)
        self._transcript.begin_text([StyledText(seed, "seed")], copy_tracker=copy_tracker)
        self.show_title()

    def set_heat(self, heat: str, marks_copies: bool) -> None:
        """Color tokens, and mark copied runs, as the transcript of the main screen does."""
        self._transcript.set_heat(heat, marks_copies)

    def grow(self) -> None:
        """Show new tokens. After the last one, also show the mean surprisal and the copied share."""
        tokens = self.column.tokens[self._shown_count :]
        self._shown_count += len(tokens)
        self._transcript.write([StyledText(token.text, "text", token) for token in tokens])
        if self.column.reason and not self._is_finished:
            self._is_finished = True
            self._transcript.write([StyledText(self.column.tail)])
            mean = sum(map(surprisal, self.column.tokens)) / max(1, len(self.column.tokens))
            tracker = self._transcript.copy_tracker
            self._figures = f"{mean:.1f} bits" + (f", {tracker.format_brief_share()}" if tracker else "")
            self.show_title()

    def mark_more(self, left: bool, right: bool) -> None:
        """Mark in the title that columns to the left or to the right of this one are hidden."""
        self._more = ("‹ " if left else "", " ›" if right else "")
        self.show_title()

    def show_title(self) -> None:
        """Show value, key and figures. The value is first, so that the narrowest column shows it too.

        The figures would give a hidden value away.
        """
        left, right = self._more
        title = f"{left}{self._sweep.name(self.number)}  [{self.number + 1}]{right}"
        self._head.update(Content(f"{title}\n{'' if self._sweep.hidden else self._figures}"))

    def mark_token(self, character: int) -> None:
        """Mark the token that contains the character at index ``character``. Do nothing once a token is marked."""
        if self._is_marked:
            return
        end = 0
        for index, span in enumerate(self._transcript.token_spans):
            end += len(span.token.text)
            if end > character:
                self._transcript.highlight_token(index, scroll=False)
                self._is_marked = True
                return

    def on_click(self, event: Click) -> None:
        """Post ColumnClicked."""
        event.stop()
        self.post_message(self.ColumnClicked(self.number))
