"""Opens the SQLite file of autosaved passages, and makes its tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import StorageError
from ..file_io import private_file
from ..paths import passage_db_file

_SCHEMA = """
CREATE TABLE IF NOT EXISTS passages(
    id INTEGER PRIMARY KEY AUTOINCREMENT, version INTEGER NOT NULL, changed REAL NOT NULL, format INTEGER NOT NULL,
    model TEXT NOT NULL, model_sha256 TEXT NOT NULL, rng INTEGER NOT NULL, cursor INTEGER, text TEXT NOT NULL,
    settings TEXT, name TEXT);
CREATE TABLE IF NOT EXISTS nodes(
    passage INTEGER NOT NULL, number INTEGER NOT NULL, head TEXT NOT NULL, PRIMARY KEY(passage, number));
CREATE TABLE IF NOT EXISTS pieces(
    passage INTEGER NOT NULL, node INTEGER NOT NULL, first INTEGER NOT NULL, tokens TEXT NOT NULL,
    PRIMARY KEY(passage, node, first));
CREATE TABLE IF NOT EXISTS states(
    passage INTEGER NOT NULL, node INTEGER NOT NULL, position INTEGER NOT NULL, start INTEGER NOT NULL,
    data BLOB NOT NULL, PRIMARY KEY(passage, node, start, position));
"""

SCHEMA_VERSION = 3
"""Version of the tables. In version 1 passages had no settings and no states, in version 2 no names."""

_ADDED_COLUMNS = {1: ("settings", "name"), 2: ("name",)}
"""Columns that the table of passages lacks, by version."""

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process that is saving."""


def _make_tables(database: sqlite3.Connection) -> None:
    """Make the tables, or upgrade them. Does nothing if another process has done so meanwhile."""
    database.execute("BEGIN IMMEDIATE")
    for column in _ADDED_COLUMNS.get(_schema_version(database), ()):
        database.execute(f"ALTER TABLE passages ADD COLUMN {column} TEXT")
    for statement in _SCHEMA.split(";"):
        database.execute(statement)
    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    database.commit()


def _schema_version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def open_database() -> Iterator[sqlite3.Connection]:
    """Open the database, and close it after the block. A missing file is made. SQLite's errors become StorageError."""
    path = passage_db_file()
    try:
        database = sqlite3.connect(private_file(path), timeout=BUSY_TIMEOUT, isolation_level=None)
        try:
            if _schema_version(database) < SCHEMA_VERSION:
                _make_tables(database)
            yield database
        finally:
            database.close()
    except sqlite3.Error as error:
        raise StorageError(f"cannot use {path}: {error}") from error
