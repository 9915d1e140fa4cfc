"""A screen to choose a row from a list, which typing narrows."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from ...core.commands.effects import Listing
from ...core.errors import AfterglowError
from ...core.sanitize import one_line
from .footer import KeyFooter
from .footer_hints import PICKER_HINTS
from .key_bindings import PICKER_KEYS
from .visible_text import ControlHighlighter

Rows = list[tuple[str, str]]
"""(name, description) pairs."""


class Picker(ModalScreen[str | None]):
    """A list to choose from. Its result is the name in the chosen row, or None if it was closed.

    Without a search of its own, a list is narrowed to the rows that contain all words of the query.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*PICKER_KEYS]

    def __init__(self, listing: Listing) -> None:
        super().__init__()
        self._listing = listing
        self._visible_rows: Rows = []

    @property
    def visible_rows(self) -> Rows:
        """Rows that match the query."""
        return self._visible_rows

    def compose(self) -> ComposeResult:
        """Lay out a title, a line for the query, and the rows."""
        with Vertical(id="picker"):
            yield Static(Content(one_line(self._listing.title)), classes="title")
            yield Input(self._listing.query, placeholder="search", compact=True, highlighter=ControlHighlighter())
            yield OptionList()
        yield KeyFooter(*PICKER_HINTS)

    def on_mount(self) -> None:
        """Show the rows, and choose the current one."""
        self._fill(self._listing.rows)
        self.query_one(Input).focus()

    def action_move(self, direction: str) -> None:
        """Move the highlight. The focus stays on the query."""
        getattr(self.query_one(OptionList), f"action_{'cursor_' if direction in ('up', 'down') else ''}{direction}")()

    @on(Input.Changed)
    def _filter_rows(self, event: Input.Changed) -> None:
        try:
            self._fill(self._find_rows(event.value.strip()))
        except AfterglowError as error:
            self._fill([("", str(error))])

    def _find_rows(self, query: str) -> Rows:
        """Return the rows that match a query."""
        if query == self._listing.query:
            return self._listing.rows
        if self._listing.search:
            return self._listing.search(query)
        words = query.lower().split()
        return [row for row in self._listing.rows if all(word in " ".join(row).lower() for word in words)]

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
        shown = [(one_line(name), one_line(description)) for name, description in rows]
        width = min(24, max((len(name) for name, _ in shown), default=0))
        labels = [Content.assemble((f"{name:<{width}}  ", "bold"), (about, "dim")) for name, about in shown]
        options.add_options([Option(label) for label in labels])
        if rows:
            options.highlighted = next(
                (number for number, (name, _) in enumerate(rows) if name == self._listing.current), 0
            )
