"""What is text in a file: all of it, a field of JSON lines, or a column of a table."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .errors import TextError
from .sources import Source
from .split import OURS


@dataclass(frozen=True, slots=True)
class Reading:
    """How a text is to be read. ``lines``: each line is an item of its own, and a sample ends at a newline.

    ``split`` tells which shares of it are for what (see ``split``).
    """

    encoding: str = "utf-8"
    keep_boilerplate: bool = False
    field: str = ""
    column: str = ""
    lines: bool = False
    split: str = OURS


PLAIN = Reading()


def items(pieces: Iterator[str], source: Source, how: Reading) -> Iterator[str]:
    """The text in ``pieces``: of .jsonl the field, of .csv and .tsv the column, an item behind the other.

    Items are parted by an empty line, or stand on one line each where lines are what is learned. Raises TextError.
    """
    if source.kind == ".jsonl":
        found = _field(lines_of(pieces), source.name, how.field or "text", named=bool(how.field))
    elif source.kind in (".csv", ".tsv"):
        found = _column(lines_of(pieces), source.name, how.column, "\t" if source.kind == ".tsv" else ",")
    else:
        yield from pieces
        return
    if how.lines:
        yield from (f"{' '.join(item.split())}\n" for item in found)
        return
    for number, item in enumerate(found):
        yield ("\n\n" if number else "") + item.strip("\n")
    yield "\n"


def lines_of(pieces: Iterable[str]) -> Iterator[str]:
    r"""Whole lines with their \n; the last may have none."""
    rest = ""
    for piece in pieces:
        *whole, rest = (rest + piece).split("\n")
        for line in whole:
            yield line + "\n"
    if rest:
        yield rest


def _field(lines: Iterable[str], name: str, field: str, named: bool) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise TextError(f"{name}, line {number:,}, is not JSON; each line has to be an object") from None
        value = row.get(field) if isinstance(row, dict) else None
        if not isinstance(value, str):
            has = ", ".join(k for k, v in row.items() if isinstance(v, str)) if isinstance(row, dict) else ""
            hint = f"; its texts are: {has or 'none'}" + ("" if named else " (choose one with --field)")
            raise TextError(f"{name}, line {number:,}, has no text {field!r}{hint}")
        # JSON can escape half a surrogate pair, which no text holds.
        yield value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _column(lines: Iterable[str], name: str, column: str, delimiter: str) -> Iterator[str]:
    csv.field_size_limit(1 << 30)  # Python's own 131,072 characters are less than a chapter
    try:
        rows = csv.reader(lines, delimiter=delimiter)
        heads = next(rows, [])
        column = column or (heads[0] if len(heads) == 1 else "")
        if column not in heads or not column:
            wanted = f"no column {column!r}" if column else "more than one column: choose one with --column"
            raise TextError(f"{name} has {wanted}; there are: {', '.join(heads) or 'none'}")
        at = heads.index(column)
        for row in rows:
            if row and len(row) <= at:
                raise TextError(f"{name}, line {rows.line_num:,}, is too short to have a column {column!r}")
            if row and row[at].strip():
                yield row[at]
    except csv.Error as error:
        raise TextError(f"{name} is not a table that can be read: {error}") from None
