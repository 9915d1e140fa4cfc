"""Extract the text from a file: all of it, a field of JSON lines, or a column of a CSV or TSV table."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from ..errors import TextError, UsageError
from .chunks import iter_lines
from .files import TEXT_SUFFIXES, Source
from .items import find_item_end, format_item
from .readers.record import Record
from .split import DEFAULT_SPLIT


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """Options for reading a text.

    ``keep_boilerplate``: keep Project Gutenberg's header and footer.
    ``field``: the JSONL field to read; "" for "text".
    ``column``: the CSV or TSV column to read; "" if there is only one.
    ``lines``: every line is a separate item. Lines are shuffled, and generated text ends at a newline.
    ``split``: percentages for training, validation and test, as ``Split.parse`` reads them.
    ``label``: what a part of the text is labelled with: its "folder", its "file" or its "author"; "" for nothing.
    ``label_column``: the field or column that holds the author; "" for the one that the format has.
    ``items``: a key of ``ITEM_ENDS`` if the text is a list of items that end otherwise than with a line.
    """

    encoding: str = "utf-8"
    keep_boilerplate: bool = False
    field: str = ""
    column: str = ""
    lines: bool = False
    split: str = DEFAULT_SPLIT
    label: str = ""
    label_column: str = ""
    items: str = ""

    @property
    def item_end(self) -> str:
        """The text that ends an item of a list, "" if the text is no list."""
        return find_item_end(self.lines, self.items)


DEFAULT_READ_OPTIONS = ReadOptions()


def extract_records(chunks: Iterator[str], source: Source, options: ReadOptions) -> Iterator[Record]:
    """Yield the text in ``chunks``: all of it, the field of every line of .jsonl, or the column of .csv and .tsv.

    The texts of the records, one after the other, are the whole text: fields and cells are separated by an empty line,
    or each is an item if the text is a list. Raises TextError.
    """
    suffix = _format_suffix(source, options)
    if suffix == ".jsonl":
        records = _iter_field(iter_lines(chunks), source.name, options)
    elif suffix in (".csv", ".tsv"):
        records = _iter_column(iter_lines(chunks), source.name, options, tabs=suffix == ".tsv")
    else:
        yield from map(Record, chunks)
        return
    yield from _separate(records, options.item_end)


def _separate(records: Iterable[Record], item_end: str) -> Iterator[Record]:
    """Yield records with an empty line between their texts, or as items with their end if there is one."""
    if item_end:
        yield from (record._replace(text=format_item(record.text, item_end)) for record in records)
        return
    last = None
    for record in records:
        if last:
            yield last._replace(text=f"{last.text}\n\n")
        last = record._replace(text=record.text.strip("\n"))
    yield last._replace(text=f"{last.text}\n") if last else Record("\n")


def check_options_apply(sources: Sequence[Source], options: ReadOptions) -> None:
    """Raise UsageError if ``options`` names a field or a column, and none of ``sources`` is of that format."""
    suffixes = {_format_suffix(source, options) for source in sources}
    if options.field and ".jsonl" not in suffixes:
        raise UsageError("--field is for JSON lines, and none of the texts ends in .jsonl")
    if options.column and not suffixes & {".csv", ".tsv"}:
        raise UsageError("--column is for tables, and none of the texts ends in .csv or .tsv")
    if options.label_column and not suffixes & {".jsonl", ".csv", ".tsv"}:
        raise UsageError("--label-column is for tables and JSON lines, and no text ends in .jsonl, .csv or .tsv")


def _format_suffix(source: Source, options: ReadOptions) -> str:
    """Return ".jsonl", ".csv", ".tsv" or another extension. If it is not a known one, ``options`` decide the format."""
    if source.suffix in TEXT_SUFFIXES:
        return source.suffix
    return ".jsonl" if options.field else ".csv" if options.column else ""


def _iter_field(lines: Iterable[str], name: str, options: ReadOptions) -> Iterator[Record]:
    field = options.field or "text"
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        texts = _text_fields(line, f"{name}, line {number:,},")
        if field not in texts:
            hint = f"; its text fields: {', '.join(texts) or 'none'}" + (
                "" if options.field else " (choose one with --field)"
            )
            raise TextError(f"{name}, line {number:,}, has no text field {field!r}{hint}")
        # A JSON escape can be half a surrogate pair, which is not valid text.
        valid = texts[field].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        yield Record(valid.replace("\r\n", "\n").replace("\r", "\n"), texts.get(options.label_column, ""))


def _text_fields(line: str, location: str) -> dict[str, str]:
    """Return the fields of a JSON object whose values are strings. ``location`` names the line in errors."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise TextError(f"{location} is not JSON; each line must be a JSON object") from None
    return {key: value for key, value in row.items() if isinstance(value, str)} if isinstance(row, dict) else {}


def _iter_column(lines: Iterator[str], name: str, options: ReadOptions, tabs: bool) -> Iterator[Record]:
    try:
        rows = _iter_rows(lines, tabs)
        _, header = next(rows, (0, []))
        label = _find_column(header, options.label_column, name) if options.label_column else len(header)
        index = _find_column(header, options.column, name, options.label_column)
        for number, row in rows:
            _check_cells(row, header, index, f"{name}, line {number:,},")
            if row and row[index].strip():
                yield Record(row[index], "".join(row[label : label + 1]))
    except csv.Error as error:
        raise TextError(f"{name} is not a readable table: {error}") from None


def _check_cells(row: list[str], header: list[str], index: int, location: str) -> None:
    """Raise TextError if the row has no cell at ``index``, or has text beyond the columns of the header."""
    if row and len(row) <= index:
        raise TextError(f"{location} is too short to have a column {header[index]!r}")
    if any(cell.strip() for cell in row[len(header) :]):
        raise TextError(
            f'{location} has more cells than the first line has names; put a cell that contains a comma in "quotes"'
        )


def _find_column(header: list[str], column: str, name: str, label_column: str = "") -> int:
    """Return the index of ``column``. If it is "", that of the only one beside ``label_column``. Raises TextError."""
    if not header:
        raise TextError(f"{name} begins with an empty line; the first line must name the columns")
    others = [title for title in header if title != label_column]
    column = column or (others[0] if len(others) == 1 else "")
    if column not in header or not column:
        problem = f"no column {column!r}" if column else "more than one column: choose one with --column"
        raise TextError(f"{name} has {problem}; there are: {', '.join(header) or 'none'}")
    return header.index(column)


def _iter_rows(lines: Iterator[str], tabs: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, cells) of each row.

    Tab-separated cells are never quoted. Other cells may be quoted, and are separated by semicolons if the first line
    has semicolons and no comma, as spreadsheets write in countries with a decimal comma.
    """
    csv.field_size_limit(1 << 30)  # the default, 131,072 characters, is less than a chapter
    first = next(lines, "")
    delimiter = ";" if ";" in first and "," not in first else ","
    if tabs:
        rows = csv.reader(chain([first], lines), delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        rows = csv.reader(chain([first], lines), delimiter=delimiter, strict=True)
    for row in rows:
        yield rows.line_num, row
