"""A list on top of everything, narrowed by what is typed, from which one row is chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from ...core.errors import AfterglowError
from ...core.render.sanitize import escape_controls

Rows = list[tuple[str, str]]


class Picker(ModalScreen[str | None]):
    """Ends with the first column of the row that was chosen, or with None. ``search`` gives the rows for words; without
    it those that hold the words are kept.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Close"),
        Binding("down", "move('down')", show=False, priority=True),
        Binding("up", "move('up')", show=False, priority=True),
        Binding("pagedown", "move('page_down')", show=False, priority=True),
        Binding("pageup", "move('page_up')", show=False, priority=True),
    ]

    def __init__(self, title: str, rows: Rows, search: Callable[[str], Rows] | None = None) -> None:
        super().__init__()
        self._title, self._rows, self._search = title, rows, search
        self._visible_rows: Rows = []

    @property
    def visible_rows(self) -> Rows:
        """The rows that match the search."""
        return self._visible_rows

    def compose(self) -> ComposeResult:
        """A title, a line to search with, and the rows."""
        with Vertical(id="picker"):
            yield Static(Content(self._title), classes="title")
            yield Input(placeholder="search", compact=True)
            yield OptionList()

    def on_mount(self) -> None:
        """Show all."""
        self._fill(self._rows)
        self.query_one(Input).focus()

    def action_move(self, direction: str) -> None:
        """Move the choice, while the search keeps the keys."""
        getattr(self.query_one(OptionList), f"action_{'cursor_' if direction in ('up', 'down') else ''}{direction}")()

    @on(Input.Changed)
    def _filter_rows(self, event: Input.Changed) -> None:
        words = event.value.strip()
        if self._search and words:
            try:
                self._fill(self._search(words))
            except AfterglowError as error:
                self._fill([("", str(error))])
        else:
            wanted = words.lower().split()
            self._fill([row for row in self._rows if all(word in " ".join(row).lower() for word in wanted)])

    @on(Input.Submitted)
    def _choose_highlighted(self) -> None:
        number = self.query_one(OptionList).highlighted
        if number is not None and self._visible_rows:
            self.dismiss(self._visible_rows[number][0])

    @on(OptionList.OptionSelected)
    def _choose_clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._visible_rows[event.option_index][0])

    def _fill(self, rows: Rows) -> None:
        self._visible_rows = rows
        options = self.query_one(OptionList)
        options.clear_options()
        width = min(24, max((len(name) for name, _ in rows), default=0))
        looks = [
            Content.assemble((f"{escape_controls(n):<{width}}  ", "bold"), (escape_controls(what), "dim"))
            for n, what in rows
        ]
        options.add_options([Option(look) for look in looks])
        if rows:
            options.highlighted = 0
