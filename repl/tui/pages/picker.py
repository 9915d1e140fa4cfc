"""A screen to choose a row from a list, which typing narrows."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from ....core.commands.effects import Listing
from ....core.commands.passage_commands import quote_name
from ....core.errors import AfterglowError
from ....core.sanitize import one_line
from ....core.text.find import contains_words
from ..keys.key_bindings import PICKER_KEYS
from ..status.footer import KeyFooter
from ..status.footer_hints import LIST_EDIT_HINTS, PICKER_HINTS, Hint
from ..terminal.visible_text import ControlHighlighter

Rows = list[tuple[str, str]]
"""(name, description) pairs."""


def ignore_line(_: str) -> None:
    """Do nothing, for lists whose rows can only be chosen."""


class Picker(ModalScreen[str | None]):
    """A list to choose from. Its result is the name in the chosen row, or None if it was closed.

    Without a search of its own, a list is narrowed to the rows that contain all words of the query. ``run_line`` runs a
    line that deletes a row, ``fill_input`` begins the one that renames it in the input line.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*PICKER_KEYS]

    def __init__(
        self,
        listing: Listing,
        run_line: Callable[[str], None] = ignore_line,
        fill_input: Callable[[str], None] = ignore_line,
    ) -> None:
        super().__init__()
        self._listing = listing
        self._run_line = run_line
        self._fill_input = fill_input
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
        yield KeyFooter(*self._hints())

    def _hints(self) -> list[Hint]:
        """Return the keys to show: those that edit a row only if this list has them."""
        edits = [hint for action, hint in LIST_EDIT_HINTS.items() if self.check_action(action, ())]
        return [*PICKER_HINTS[:-1], *edits, PICKER_HINTS[-1]]

    def on_mount(self) -> None:
        """Show the rows, and choose the current one."""
        self._fill(self._listing.rows)
        self.query_one(Input).focus()

    def action_move(self, direction: str) -> None:
        """Move the highlight. The focus stays on the query."""
        getattr(self.query_one(OptionList), f"action_{'cursor_' if direction in ('up', 'down') else ''}{direction}")()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Return True if an action applies to this list."""
        if action in ("rename", "delete"):
            return bool(getattr(self._listing, f"{action}_command"))
        return super().check_action(action, parameters)

    def action_delete(self) -> None:
        """Delete the highlighted row, after a question. The list stays open."""
        if name := self._highlighted_name:
            self._run_line(f"{self._listing.delete_command} {name}")

    def action_rename(self) -> None:
        """Close the list, and begin the command that renames the highlighted row."""
        if name := self._highlighted_name:
            self._fill_input(f"{self._listing.rename_command} {quote_name(name)} ")
            self.dismiss(None)

    def show_note(self, text: str) -> None:
        """Show a note in place of the title."""
        self.query_one(".title", Static).update(Content(one_line(text)))

    def refresh_rows(self) -> None:
        """Show the rows as they are now."""
        options = self.query_one(OptionList)
        number = options.highlighted or 0
        self._show_matches(self.query_one(Input).value.strip())
        if self._visible_rows:
            options.highlighted = min(number, len(self._visible_rows) - 1)

    @property
    def _highlighted_name(self) -> str:
        """Name in the highlighted row, "" if there is none."""
        number = self.query_one(OptionList).highlighted
        return self._visible_rows[number][0] if number is not None and self._visible_rows else ""

    @on(Input.Changed)
    def _filter_rows(self, event: Input.Changed) -> None:
        self._show_matches(event.value.strip())

    def _show_matches(self, query: str) -> None:
        try:
            self._fill(self._find_rows(query))
        except AfterglowError as error:
            self._fill([("", str(error))])

    def _find_rows(self, query: str) -> Rows:
        """Return the rows that match a query."""
        if self._listing.search:
            return self._listing.search(query)
        return [row for row in self._listing.rows if contains_words(" ".join(row), query)]

    @on(Input.Submitted)
    def _choose_highlighted(self) -> None:
        if name := self._highlighted_name:
            self.dismiss(name)

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
