"""Lists and tables in a transcript, laid out again for each width."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from rich.cells import cell_len

from ....core.commands.effects import Table
from ....core.commands.tables import second_column
from ....core.sanitize import one_line
from .blocks import Block
from .wrapping import Paragraph, StyledText, StyleRun


class ListingBlock(Block):
    """A title, and below it the paragraphs that ``lay_out`` returns for a width."""

    def __init__(self, title: str, lay_out: Callable[[int], Iterable[Paragraph]]) -> None:
        super().__init__([StyledText(one_line(title), "title")], blank_line_before=True)
        self._head = list(self._paragraphs)
        self._lay_out = lay_out

    def wrap(self, width: int) -> None:
        """Lay out and wrap all paragraphs."""
        self._paragraphs = [*self._head, *self._lay_out(width)]
        super().wrap(width)


class RuleBlock(Block):
    """A title in a horizontal line."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = one_line(title)

    def wrap(self, width: int) -> None:
        """Draw the line."""
        rule = f"── {self._title} "
        self._paragraphs = [Paragraph(), _paragraph((rule + "─" * (width - cell_len(rule)), "past"))]
        super().wrap(width)


def lay_out_list(rows: Sequence[tuple[str, str]], width: int) -> Iterator[Paragraph]:
    """Yield rows as two aligned columns, or with the second text below the first if there is too little room."""
    shown = [(one_line(left), one_line(right)) for left, right in rows]
    longest = max((cell_len(left) for left, _ in shown), default=0)
    column = second_column(longest, width)
    for left, right in shown:
        if cell_len(left) + 2 > column:
            yield _paragraph((left, "name"))
            left = ""
        padding = " " * (column - cell_len(left))
        yield _paragraph((left, "name"), (padding + right, "note"), indent=column)


def lay_out_table(table: Table, width: int) -> Iterator[Paragraph]:
    """Yield the lines of a table."""
    for line in table.lines(width):
        yield _paragraph(*line)


def _paragraph(*parts: tuple[str, str], indent: int = 0) -> Paragraph:
    """Return a paragraph of texts with the names of their styles."""
    paragraph = Paragraph(indent=indent)
    for text, style in parts:
        paragraph.add(text, StyleRun(style))
    return paragraph
