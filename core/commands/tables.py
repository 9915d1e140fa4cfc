"""Tables whose columns fit any width: the least important ones are left out where there is too little room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..sanitize import escape_line
from ..text.display_width import display_width

CellStyle = Literal["head", "name", "figure", "result", "raw", "shaped"]
"""Style of a cell: of a heading, a row's name, a figure, the figure to look at, or the bar of a probability."""

Cell = tuple[str, CellStyle]
"""A text as wide as its column, with the space before it, and its style."""

MAX_FIRST_COLUMN = 24
"""Maximum width of the first column of a list. The second text of a row whose first one is longer is below it."""

MIN_SECOND_COLUMN = 32
"""Minimum width of the second column of a list. If there is less room, its texts are below those of the first."""

MIN_BAR = 2
"""Minimum width of a bar, in columns. If a table has no room for it, bars are left out."""

COMFORTABLE_BAR = 5
"""Width below which other columns that can be missed, those of a rank above 1, make room for the bars."""

MAX_BAR = 20
"""Maximum width of a bar, in columns."""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column: its heading and its cells, which are texts, or the lengths of bars from 0 to 1 (None leaves a gap).

    If a table is too wide, columns of the highest ``rank`` are left out first, and those of rank 0 never.
    """

    head: str
    style: CellStyle
    cells: Sequence[str] | Sequence[float | None]
    rank: int = 0

    @property
    def is_bar(self) -> bool:
        """True if the cells are bars."""
        return self.style in ("raw", "shaped")

    def width(self, bar_width: int) -> int:
        """Width in columns."""
        return bar_width if self.is_bar else max(display_width(str(text)) for text in (self.head, *self.cells))

    def gap(self) -> int:
        """Number of empty columns left of this one."""
        return {"name": 0, "raw": 1, "shaped": 1}.get(self.style, 2)


def second_column(longest: int, width: int) -> int:
    """Return the column at which the second texts of a list begin, if the first ones take up to ``longest`` columns.

    If a first text reaches it, the second one is below it. In a narrow list, the column is 2, and all of them are.
    """
    column = min(longest, MAX_FIRST_COLUMN) + 2
    return column if width - column >= MIN_SECOND_COLUMN else 2


def fit(columns: Sequence[TableColumn], width: int) -> list[list[TableColumn]]:
    """Return the columns that fit in ``width``. If those of rank 0 alone do not, they are split into several tables.

    Each of these begins with the first column.
    """
    kept = list(columns)
    while (highest := max(column.rank for column in kept)) and (
        _total_width(kept, MIN_BAR if highest == 1 else COMFORTABLE_BAR) > width
    ):
        kept = [column for column in kept if column.rank < highest]
    first, *others = kept
    parts = [[first]]
    for column in others:
        if len(parts[-1]) > 1 and _total_width([*parts[-1], column], MIN_BAR) > width:
            parts.append([first])
        parts[-1].append(column)
    return parts


def render(columns: Sequence[TableColumn], width: int) -> Iterator[list[Cell]]:
    """Yield the lines of a table that is at most ``width`` columns wide, headings first."""
    for part in fit(columns, width):
        bars = sum(column.is_bar for column in part)
        bar_width = min(MAX_BAR, (width - _total_width(part, 0)) // bars) if bars else 0
        yield [_pad(column, column.head, bar_width, "head") for column in part]
        for row in range(len(part[0].cells)):
            yield [_pad(column, _cell_text(column.cells[row], bar_width), bar_width) for column in part]


def block_bar(share: float, width: int = MAX_BAR) -> str:
    """Return a bar ``share`` × ``width`` columns long, rounded to eighths of a column."""
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def _total_width(columns: Sequence[TableColumn], bar_width: int) -> int:
    return sum(column.gap() + column.width(bar_width) for column in columns)


def _cell_text(cell: str | float | None, bar_width: int) -> str:
    if isinstance(cell, str):
        return cell
    return "" if cell is None else block_bar(cell, bar_width)


def _pad(column: TableColumn, text: str, bar_width: int, style: CellStyle | None = None) -> Cell:
    """Return a cell: figures are aligned to the right, names and bars to the left."""
    spaces = " " * (column.width(bar_width) - display_width(text))
    aligned = text + spaces if column.is_bar or column.style == "name" else spaces + text
    return " " * column.gap() + escape_line(aligned), style or column.style
