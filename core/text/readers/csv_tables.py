"""Tables: a column of .csv and .tsv."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from ...errors import TextError, list_names
from ..chunks import iter_lines
from .record import Record
from .text_document import TextDocument

if TYPE_CHECKING:
    from ..formats import ReadOptions

MAX_CELL_CHARS = 1 << 24
"""Most characters of a cell. The csv module's default, 131,072, is less than a chapter."""

MAX_NAME_CHARS = 40
"""Most characters of a cell that can be the name of a column."""

MAX_SNIFFED_CHARS = 8192
"""Characters that csv.Sniffer sees. It takes longer than a linear time."""

_SEPARATORS = ",;\t|"
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def is_table(document: TextDocument) -> bool:
    """Return True if the name ends in .csv or .tsv."""
    return document.suffix in (".csv", ".tsv")


def read_table(document: TextDocument, options: ReadOptions) -> Iterator[Record]:
    """Yield the chosen column of each row. Raises TextError if there is no such column or it is no table."""
    csv.field_size_limit(MAX_CELL_CHARS)
    try:
        yield from _read_column(document, options)
    except csv.Error as error:
        raise TextError(f"{document.name} is not a readable table: {error}") from None


def _read_column(document: TextDocument, options: ReadOptions) -> Iterator[Record]:
    rows = _iter_rows(document)
    number, header = next(rows, (0, list[str]()))
    label = _find_label(header, options, document.name)
    index = _find_column(header, options.column, document.name, label)
    if not _is_header(header, options.column):
        document.notes.append(
            f"its first line, {header[index][:MAX_NAME_CHARS]!r}, names no column and is read as a row"
        )
        rows = chain([(number, header)], rows)
    elif len(header) == 1 and not options.column:
        document.notes.append(f"its first line, {header[0]!r}, was taken for the name of its column")
    read = left_out = 0
    for number, row in rows:
        if not row:
            continue
        _require_fitting(row, header, f"{document.name}, line {number:,},")
        has_text = len(row) > index and bool(row[index].strip())
        read += has_text
        left_out += not has_text
        if has_text:
            yield Record(row[index], "".join(row[label : label + 1]))
    if left_out:
        name = options.column or header[index]
        if not read:
            raise TextError(f"{document.name} has no text in its column {name!r}")
        document.notes.append(f"{left_out:,} of {read + left_out:,} rows have no {name!r} and were left out")


def _require_fitting(row: Sequence[str], header: Sequence[str], location: str) -> None:
    """Raise TextError if the row has text beyond the columns of the header."""
    if any(cell.strip() for cell in row[len(header) :]):
        raise TextError(
            f'{location} has more cells than the first line has names; put a cell that contains a comma in "quotes"'
        )


def _find_label(header: list[str], options: ReadOptions, name: str) -> int:
    """Return the index of the column with the labels; one that is not there if there is none, and no label is used.

    Raises TextError.
    """
    try:
        return _find_column(header, options.label_column, name) if options.label_column else len(header)
    except TextError:
        if options.label:
            raise
        return len(header)


def _find_column(header: list[str], column: str, name: str, label: int = -1) -> int:
    """Return the index of ``column``, a name or a number from 1 on. If it is "", that of the only one beside the
    column ``label``. Raises TextError."""
    if not header:
        raise TextError(f"{name} begins with an empty line; the first line must name the columns")
    if column in header:
        return header.index(column)
    if column.isdecimal() and 1 <= int(column[:9]) <= len(header):
        return int(column[:9]) - 1
    others = [index for index in range(len(header)) if index != label]
    if not column and len(others) == 1:
        return others[0]
    problem = f"no column {column!r}" if column else "more than one column: choose one with --column"
    raise TextError(f"{name} has {problem}; there are: {list_names(header)} (or a number from 1 on)")


def _is_header(row: Sequence[str], column: str) -> bool:
    """Return True if a first row has ``column`` or looks like names: short, no numbers, dates or sentences."""
    return column in row or all(
        len(cell) <= MAX_NAME_CHARS and cell.count(" ") < 4 and not re.search(r"[.!?,]\s*$|^[\s\d.:/+-]+$", cell)
        for cell in row
    )


def _iter_rows(document: TextDocument) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) of each row. Cells of a .tsv file are never quoted."""
    lines = iter_lines(document.text())
    if document.suffix == ".tsv":
        rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        separator = _find_separator(document.beginning)
        if separator != ",":
            document.notes.append(f"cells are separated by {_NAMES[separator]}")
        rows = csv.reader(lines, delimiter=separator, strict=True)
    for row in rows:
        yield rows.line_num, row


def _find_separator(beginning: str) -> str:
    """Return the separator of cells: the one in the first line, or of several the one that csv.Sniffer finds."""
    first = beginning.partition("\n")[0]
    candidates = [separator for separator in _SEPARATORS if separator in first]
    if len(candidates) < 2:
        return candidates[0] if candidates else ","
    sample = beginning[:MAX_SNIFFED_CHARS]
    try:
        return csv.Sniffer().sniff(sample.rpartition("\n")[0] or sample, "".join(candidates)).delimiter
    except csv.Error:
        return max(candidates, key=first.count)
