"""What is text in a file: all of it, a field of JSON lines, or a column of a table."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from ..errors import TextError, UsageError
from .files import TEXT_SUFFIXES, Source
from .split import DEFAULT_SPLIT


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a text is to be read. ``lines``: each line is an item of its own, and a sample ends at a newline.

    ``split`` tells which shares of it are for what (see ``split``).
    """

    encoding: str = "utf-8"
    keep_boilerplate: bool = False
    field: str = ""
    column: str = ""
    lines: bool = False
    split: str = DEFAULT_SPLIT


DEFAULT_READ_OPTIONS = ReadOptions()


def extract_items(chunks: Iterator[str], source: Source, options: ReadOptions) -> Iterator[str]:
    """The text in ``pieces``: of .jsonl the field, of .csv and .tsv the column, an item behind the other.

    Items are parted by an empty line, or stand on one line each where lines are what is learned. Raises TextError.
    """
    kind = _format_suffix(source, options)
    if kind == ".jsonl":
        found = _iter_field(iter_lines(chunks), source.name, options.field or "text", explicit=bool(options.field))
    elif kind in (".csv", ".tsv"):
        found = _iter_column(iter_lines(chunks), source.name, options.column, tabs=kind == ".tsv")
    else:
        yield from chunks
        return
    if options.lines:
        yield from (f"{' '.join(item.split())}\n" for item in found)
        return
    for number, item in enumerate(found):
        yield ("\n\n" if number else "") + item.strip("\n")
    yield "\n"


def check_options_apply(sources: Sequence[Source], options: ReadOptions) -> None:
    """Raise UsageError where a field or a column is wanted and there is nothing that has any."""
    kinds = {_format_suffix(source, options) for source in sources}
    if options.field and ".jsonl" not in kinds:
        raise UsageError("--field is for JSON lines, and none of the texts ends in .jsonl")
    if options.column and not kinds & {".csv", ".tsv"}:
        raise UsageError("--column is for tables, and none of the texts ends in .csv or .tsv")


def _format_suffix(source: Source, options: ReadOptions) -> str:
    """What a text is read as: what its name says; else, as standard input, what has the field or column wanted."""
    if source.suffix in TEXT_SUFFIXES:
        return source.suffix
    return ".jsonl" if options.field else ".csv" if options.column else ""


def iter_lines(chunks: Iterable[str]) -> Iterator[str]:
    r"""Whole lines with their \n; the last may have none."""
    rest = ""
    for piece in chunks:
        *whole, rest = (rest + piece).split("\n")
        for line in whole:
            yield line + "\n"
    if rest:
        yield rest


def _iter_field(lines: Iterable[str], name: str, field: str, explicit: bool) -> Iterator[str]:
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
            hint = f"; its texts are: {has or 'none'}" + ("" if explicit else " (choose one with --field)")
            raise TextError(f"{name}, line {number:,}, has no text {field!r}{hint}")
        # JSON can escape half a surrogate pair, which no text holds.
        whole = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        yield whole.replace("\r\n", "\n").replace("\r", "\n")


def _iter_column(lines: Iterator[str], name: str, column: str, tabs: bool) -> Iterator[str]:
    try:
        rows = _csv_reader(lines, tabs)
        heads: list[str] = next(rows, [])
        if not heads:
            raise TextError(f"{name} begins with an empty line; a table begins with the names of its columns")
        column = column or (heads[0] if len(heads) == 1 else "")
        if column not in heads or not column:
            wanted = f"no column {column!r}" if column else "more than one column: choose one with --column"
            raise TextError(f"{name} has {wanted}; there are: {', '.join(heads) or 'none'}")
        at = heads.index(column)
        for row in rows:
            if row and len(row) <= at:
                raise TextError(f"{name}, line {rows.line_num:,}, is too short to have a column {column!r}")
            if any(cell.strip() for cell in row[len(heads) :]):
                raise TextError(
                    f"{name}, line {rows.line_num:,}, has more cells than the first line has names:"
                    ' a cell with a comma in it has to stand in "quotes"'
                )
            if row and row[at].strip():
                yield row[at]
    except csv.Error as error:
        raise TextError(f"{name} is not a table that can be read: {error}") from None


def _csv_reader(lines: Iterator[str], tabs: bool) -> Any:
    """The rows of a table. Between tabs cells stand as they are; else in quotes where they have to, between commas, or
    semicolons, which spreadsheets write where the comma is in numbers."""
    csv.field_size_limit(1 << 30)  # Python's own 131,072 characters are less than a chapter
    if tabs:
        return csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    first = next(lines, "")
    delimiter = ";" if ";" in first and "," not in first else ","
    return csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
