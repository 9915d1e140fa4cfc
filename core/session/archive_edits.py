"""Renames and deletes autosaved passages. A deleted one can be brought back while the process runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial

from .passage_tables import open_database
from .stored_passage import no_such_number

_Rows = list[tuple[object, ...]]

_KEY_COLUMNS = {"passages": "id", "nodes": "passage", "pieces": "passage", "states": "passage"}
"""Column with the passage's number, by table."""


def rename(number: int, name: str) -> None:
    """Give an autosaved passage a name. Raises StorageError if there is none of this number."""
    with open_database(for_saving=True) as database:
        renamed = database.execute("UPDATE passages SET name = ? WHERE id = ?", (name, number)).rowcount
    if not renamed:
        raise no_such_number(number)


def delete(number: int) -> Callable[[], None]:
    """Delete an autosaved passage. Return a function that brings it back. Raises StorageError if there is none."""
    with open_database(for_saving=True) as database:
        database.text_factory = lambda text: text.decode("utf-8", "replace")
        database.execute("PRAGMA secure_delete = ON")  # a text that was deleted is not left in the file
        database.execute("BEGIN IMMEDIATE")
        rows = {table: _take_rows(database, table, key, number) for table, key in _KEY_COLUMNS.items()}
        database.commit()
    if not rows["passages"]:
        raise no_such_number(number)
    return partial(_put_back, rows)


def _take_rows(database: sqlite3.Connection, table: str, key: str, number: int) -> _Rows:
    """Delete the rows of a passage from a table, and return them."""
    rows = database.execute(f"SELECT * FROM {table} WHERE {key} = ?", (number,)).fetchall()  # noqa: S608
    database.execute(f"DELETE FROM {table} WHERE {key} = ?", (number,))  # noqa: S608
    return rows


def _put_back(rows: dict[str, _Rows]) -> None:
    """Insert deleted rows into their tables."""
    with open_database(for_saving=True) as database:
        database.execute("BEGIN IMMEDIATE")
        for table, deleted in rows.items():
            marks = ", ".join("?" * len(deleted[0])) if deleted else ""
            database.executemany(f"INSERT INTO {table} VALUES ({marks})", deleted)  # noqa: S608
        database.commit()
