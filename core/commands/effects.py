"""Effects: what a command asks its front end to show or do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..errors import CommandError
from ..events import Event, Notice
from ..generation.sweep import Column, Sweep
from ..sanitize import one_line
from ..text.find import describe_no_match, find_lines
from .tables import Cell, TableColumn, render


@dataclass(frozen=True, slots=True)
class Play:
    """Show events as they come, under a title unless it is "". They are those of a column if it is not None."""

    events: Iterator[Event]
    title: str = ""
    column: Column | None = None

    @property
    def plays(self) -> Iterator[Play]:
        """This effect alone, so that front ends can show it as they show ``Compare``."""
        yield self


@dataclass(frozen=True, slots=True)
class Compare:
    """Show a sweep: all columns side by side from ``sweep.play()``, or one after another from ``plays``."""

    sweep: Sweep

    @property
    def plays(self) -> Iterator[Play]:
        """One effect for each column, titled with the seed and T. After a stop, none for those that have not begun."""
        for number, column in enumerate(self.sweep.columns):
            if not column.stream.stopping:
                title = f"{self.sweep.seed}  ·  {self.sweep.name(number)}"
                yield Play(self.sweep.play_column(number), title, column)


@dataclass(frozen=True, slots=True)
class Listing:
    """Show rows of two columns under a title.

    ``row_command`` is the command to run with the first column of a chosen row; "" if rows cannot be chosen. ``search``
    returns the rows that match a query; None if there is no search. ``rows`` are those that match ``query``.
    ``current`` is the first column of the row where the user is; "" if there is none. ``delete_command`` and
    ``rename_command`` act on a row too, the latter with a new name after it; "" if they cannot.
    """

    title: str
    rows: list[tuple[str, str]]
    row_command: str = ""
    search: Callable[[str], list[tuple[str, str]]] | None = None
    query: str = ""
    current: str = ""
    delete_command: str = ""
    rename_command: str = ""

    def lines(self) -> list[str]:
        """Return the rows as lines with aligned columns. No cell can forge a line."""
        rows = [(one_line(left), one_line(right)) for left, right in self.rows]
        width = max((len(left) for left, _ in rows), default=0)
        return [f"{left:<{width}}  {right}".rstrip() for left, right in rows]

    def _repr_html_(self) -> str:
        from .table_html import listing_html

        return listing_html(self)


@dataclass(frozen=True, slots=True)
class Table:
    """Show a table under a title.

    ``plain`` is the same for front ends whose lines have no width.
    """

    title: str
    columns: Sequence[TableColumn]
    plain: Sequence[Listing]

    def lines(self, width: int) -> list[list[Cell]]:
        """Return the lines of the table, headings first, with the columns that fit in ``width``."""
        return list(render(self.columns, width))

    def _repr_html_(self) -> str:
        from .table_html import table_html

        return table_html(self)


@dataclass(frozen=True, slots=True)
class Pin:
    """Keep a line in sight until another one replaces it; "" removes it. Front ends that only add lines ignore it."""

    text: str


@dataclass(frozen=True, slots=True)
class Find:
    """Show the places of ``query`` in a text; if it is "", the next place of what was searched for last."""

    query: str
    text: str

    @property
    def plain(self) -> tuple[Listing]:
        """The lines with a match, for front ends that cannot show places in a text.

        Raises CommandError if there is none, or no query.
        """
        if not self.query:
            raise CommandError("usage: /find TEXT")
        rows = [(str(number), line) for number, line in find_lines(self.text, self.query)]
        if not rows:
            raise CommandError(describe_no_match(self.query))
        return (Listing(f"{len(rows):,} line{'s' if len(rows) > 1 else ''} with {self.query!r}", rows),)


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy a text to the clipboard, or what the user has selected on the screen."""

    text: str


@dataclass(frozen=True, slots=True)
class Redraw:
    """Show the passage again because it has changed, and ``text``, the reason, unless it is ""."""

    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Let the user edit a text, then show the effects that ``on_done`` yields for the edited one."""

    text: str
    on_done: Callable[[str], Iterator[Effect]]


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the user a question, and show the effects that ``on_yes`` yields if they agree.

    ``forced`` is the line that does the same without a question.
    """

    question: str
    on_yes: Callable[[], Iterator[Effect]]
    forced: str


@dataclass(frozen=True, slots=True)
class Quit:
    """Quit the front end."""


Effect = Notice | Play | Compare | Listing | Table | Find | Copy | Pin | Redraw | Edit | Ask | Quit
