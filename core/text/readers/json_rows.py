"""Rows of JSON: a line each, or the items of an array."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ...bounded_json import parse_json
from ...errors import TextError, list_names
from ..chunks import iter_lines
from .record import Record
from .text_document import TextDocument

if TYPE_CHECKING:
    from ..formats import ReadOptions

MAX_ROW_VALUES = 1_000_000
"""Most JSON values of a row."""

MAX_FILE_VALUES = 8_000_000
"""Most JSON values of a file that is one JSON value. A chat has about ten for each message."""


def is_json_lines(document: TextDocument) -> bool:
    """Return True if the name ends in .jsonl or .ndjson, or if a .json file is an object a line."""
    return document.suffix in (".jsonl", ".ndjson") or (document.suffix == ".json" and _has_object_lines(document))


def is_json(document: TextDocument) -> bool:
    """Return True if the name ends in .json."""
    return document.suffix == ".json"


def read_json_lines(document: TextDocument, options: ReadOptions) -> Iterator[Record]:
    """Yield the chosen field of each line. Raises TextError if a line is not JSON, or if none has the field."""
    return _read_rows(_parse_lines(document), document, options)


def read_json(document: TextDocument, options: ReadOptions) -> Iterator[Record]:
    """Yield the chosen field of each item of an array. Raises TextError if there is none."""
    value = load_json(document)
    if isinstance(value, dict):
        lists = [each for each in value.values() if isinstance(each, list) and each and isinstance(each[0], dict)]
        value = lists[0] if len(lists) == 1 and not _texts_at(value, options.field or "text") else [value]
    if not isinstance(value, list):
        raise TextError(f"{document.name} is neither a JSON array nor an object; nothing in it can be chosen")
    return _read_rows(value, document, options)


def load_json(document: TextDocument, skip_to: str = "") -> object:
    """Return the JSON value of a document, from the first character ``skip_to`` on. Raises TextError."""
    text = document.load_text()
    begin = max(0, text.find(skip_to)) if skip_to else 0
    try:
        return parse_json(text[begin:].rstrip().removesuffix(";"), MAX_FILE_VALUES)
    except ValueError as error:
        raise TextError(f"{document.name} cannot be read as JSON: {_reason(error)}") from None


def join_parts(value: object) -> str:
    """Return a text that is a string, or a list of strings and of objects with a "text". "" if it is neither."""
    if isinstance(value, str):
        # A JSON escape can be half a surrogate pair, which is not valid text.
        valid = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return valid.replace("\r\n", "\n").replace("\r", "\n")
    parts = value if isinstance(value, list) else []
    texts = (part.get("text") if isinstance(part, dict) else part for part in parts)
    return "".join(join_parts(text) for text in texts if isinstance(text, str))


def _parse_lines(document: TextDocument) -> Iterator[object]:
    for number, line in enumerate(iter_lines(document.text()), 1):
        if line.strip():
            try:
                yield parse_json(line, MAX_ROW_VALUES)
            except ValueError as error:
                where = f"{document.name}, line {number:,},"
                raise TextError(f"{where} is not JSON that can be read: {_reason(error)}") from None


def _read_rows(rows: Iterable[object], document: TextDocument, options: ReadOptions) -> Iterator[Record]:
    field = options.field or "text"
    first: object = None
    read = left_out = 0
    for row in rows:
        first = first or row
        texts = [text for text in _texts_at(row, field) if text.strip()]
        read += bool(texts)
        left_out += not texts
        author = next(iter(_texts_at(row, options.label_column)), "") if options.label_column else ""
        yield from (Record(text, author) for text in texts)
    if left_out and not read:
        fields = list_names(_text_fields(first))
        hint = "" if options.field else " (choose one with --field)"
        raise TextError(f"{document.name} has no text field {field!r}; its text fields: {fields}{hint}")
    if left_out:
        document.notes.append(f"{left_out:,} of {read + left_out:,} rows have no {field!r} and were left out")


def _texts_at(row: object, path: str) -> list[str]:
    """Return the texts at a path such as "message.content": one, or those of all items of a list on the way."""
    if isinstance(row, str):
        return [join_parts(row)] if path == "text" else []
    if isinstance(row, dict):
        if path in row:
            return [join_parts(row[path])]
        key, dot, rest = path.partition(".")
        return _texts_at(row.get(key), rest) if dot else []
    items = row if isinstance(row, list) else []
    return [text for item in items if isinstance(item, dict) for text in _texts_at(item, path)]


def _text_fields(row: object, prefix: str = "", depth: int = 3) -> list[str]:
    """Return the paths of the texts in a row."""
    if isinstance(row, list) and row:
        return _text_fields(row[0], prefix, depth - 1) if depth else []
    if not isinstance(row, dict) or not depth:
        return []
    own = [f"{prefix}{key}" for key, value in row.items() if isinstance(value, str)]
    inner = (_text_fields(value, f"{prefix}{key}.", depth - 1) for key, value in row.items())
    return [*own, *(path for paths in inner for path in paths)]


def _has_object_lines(document: TextDocument) -> bool:
    lines = document.beginning.strip().split("\n", 2)[:2]
    return len(lines) == 2 and all(line.startswith("{") and line.rstrip().endswith("}") for line in lines)


def _reason(error: ValueError) -> str:
    return f"{error.msg.lower()} at character {error.pos:,}" if isinstance(error, json.JSONDecodeError) else str(error)
