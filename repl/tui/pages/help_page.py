"""A page with all keys and gestures, by the place where they act."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ..keys.key_bindings import HELP_KEYS, KEY_GROUPS, KeyRow, describe_keys
from ..status.footer import KeyFooter
from ..status.footer_hints import HELP_HINTS

INTRODUCTION = """\
Type a seed and press Enter: the model continues it. A line that begins with / is a command; // begins a seed with /.

The characters below type themselves while there is no text yet. Later, begin with a space: it goes away when \
one of them is typed, and of two spaces one stays.

[keys] in config.toml changes keys, by their names after the dash: retry = "ctrl+t"."""
"""Text above the keys."""

GESTURES = (
    ("click", "on a token: show it in the lens; on a candidate or a column: choose it, a second click takes it"),
    ("drag", "select text; Ctrl-C copies it; on the scale of the temperature, set it, as a click does"),
    ("wheel", "scroll; on the line with the temperature, change it"),
)
"""Rows of (gesture, its effect)."""


class HelpPage(ModalScreen[None]):
    """All keys, from their table."""

    BINDINGS: ClassVar[list[BindingType]] = [*HELP_KEYS]

    def __init__(self, keymap: Mapping[str, str]) -> None:
        super().__init__()
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        """Lay out a table for each group of keys."""
        with VerticalScroll(id="keys"):
            yield Static(Content("keys · Esc closes"), classes="title")
            yield Static(Content(INTRODUCTION))
            for title, bindings in KEY_GROUPS.items():
                yield Static(Content(title), classes="group")
                yield Static(_render_keys(describe_keys(bindings, self._keymap)))
            yield Static(Content("With the mouse"), classes="group")
            yield Static(_render_rows(GESTURES))
        yield KeyFooter(*HELP_HINTS)

    def on_mount(self) -> None:
        """Let the arrows scroll."""
        self.query_one(VerticalScroll).focus()


def _render_keys(rows: Iterable[KeyRow]) -> Table:
    """Return a table of keys, with the names of their bindings."""
    return _render_rows((row.keys, Text.assemble(row.help, (f" – {_join(row.ids)}", "dim"))) for row in rows)


def _join(names: Sequence[str]) -> str:
    return " ".join(names) if len(names) < 5 else f"{names[0]} … {names[-1]}"


def _render_rows(rows: Iterable[tuple[str, str | Text]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=18)
    table.add_column()
    for keys, help_ in rows:
        table.add_row(keys, help_)
    return table
