"""SQLite files as trees: rows are objects, and columns that hold JSON hold its values."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from .values import to_python

Tables = dict[str, list[dict[str, Any]]]


def read_tables(path: Path) -> tuple[str, Tables]:
    """Return the SQL that makes the tables of a file, and their rows."""
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        made = database.execute("SELECT name, sql FROM sqlite_master WHERE sql NOT NULL AND name NOT LIKE 'sqlite_%'")
        statements = {row["name"]: row["sql"] for row in made if row["sql"].startswith("CREATE TABLE")}
        rows = {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in statements}  # noqa: S608
    tables = {name: [_row_to_tree(row) for row in found] for name, found in rows.items()}
    return ";".join(statements.values()), tables


def pack_tables(tree: Any, schema: str, others: Tables) -> bytes:
    """Return a database with the rows of a tree and other rows; without constraints if the rows break those."""
    version, tables = (tree.get("user_version"), tree.get("tables")) if isinstance(tree, dict) else (0, {})
    both = {name: rows if isinstance(rows, list) else [] for name, rows in _items(tables)}
    both = {name: [*rows, *others.get(name, [])] for name, rows in both.items()}
    try:
        return _packed(both, version, schema)
    except sqlite3.Error:
        return _packed(both, version, "")


def _packed(tables: Tables, version: Any, schema: str) -> bytes:
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(schema)
        number = version if isinstance(version, int) and abs(version) < 1 << 31 else 0
        database.execute(f"PRAGMA user_version = {int(number)}")
        for name, rows in tables.items():
            rows = [row for row in rows if isinstance(row, dict) and row]
            columns = list(dict.fromkeys(key for row in rows for key in row))
            if not schema and columns:
                database.execute(f"CREATE TABLE {_quoted(name)} ({', '.join(map(_quoted, columns))})")
            for row in rows:
                _insert(database, name, row)
        database.commit()
        return bytes(database.serialize())


def _insert(database: sqlite3.Connection, name: str, row: dict[str, Any]) -> None:
    values = [to_python(value) for value in row.values()]
    # SQLite holds any bytes in a text column; Python's module refuses lone surrogates.
    values = [v.encode("utf-8", "surrogatepass").decode("latin-1") if _is_lone(v) else v for v in values]
    marks = ", ".join("?" * len(values))
    database.execute(f"INSERT INTO {_quoted(name)} ({', '.join(map(_quoted, row))}) VALUES ({marks})", values)  # noqa: S608


def _is_lone(value: Any) -> bool:
    return isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value)


def _quoted(name: str) -> str:
    text = str(name).encode("utf-8", "replace").decode().replace("\x00", "?").replace('"', "?")
    return f'"{text}"'


def _items(tables: Any) -> list[tuple[str, Any]]:
    return list(tables.items()) if isinstance(tables, dict) else []


def _row_to_tree(row: sqlite3.Row) -> dict[str, Any]:
    return {key: _to_tree(value) for key, value in zip(row.keys(), row, strict=True)}


def _to_tree(value: Any) -> Any:
    """Return the value of a column: recipes for bytes, the inner value for JSON objects and lists."""
    if isinstance(value, bytes):
        return {"$hex": value.hex()}
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
