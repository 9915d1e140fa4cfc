"""Tables of commands as HTML, for notebooks."""

from __future__ import annotations

from itertools import zip_longest

from ..render.html_parts import BAR_COLORS, bar_cell, html_cell, html_lines, html_table
from .effects import Listing, Table
from .tables import TableColumn


def table_html(table: Table) -> str:
    """Return a table with all its columns."""
    rows = zip_longest(*(_cells(column) for column in table.columns), fillvalue=html_cell(""))
    return html_table(rows, [column.head for column in table.columns], table.title)


def listing_html(listing: Listing) -> str:
    """Return the lines of a listing under its title."""
    return html_lines(listing.lines(), listing.title)


def _cells(column: TableColumn) -> list[str]:
    if column.is_bar:
        return [bar_cell(cell, BAR_COLORS[column.style]) for cell in column.cells if not isinstance(cell, str)]
    return [html_cell(str(cell), name=column.style == "name") for cell in column.cells]
