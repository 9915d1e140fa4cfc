"""Opens the SQLite file of autosaved passages, and makes its tables."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path

from ..errors import StorageError
from ..file_io import private_file
from ..file_locks import hold_lock
from ..paths import lock_file, passage_db_file

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

_DAMAGE = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
"""Errors while opening that mean that the file is not ours. The last one is that of a missing table or column."""

_MAX_FILE_ID = (1 << 31) - 1
"""SQLite's application ID has 32 bits and a sign."""

_notices: list[str] = []


def _make_tables(database: sqlite3.Connection) -> None:
    """Make the tables, or upgrade them. Does nothing if another process has done so meanwhile."""
    database.execute("BEGIN IMMEDIATE")
    for column in _ADDED_COLUMNS.get(_schema_version(database), ()):
        database.execute(f"ALTER TABLE passages ADD COLUMN {column} TEXT")
    for statement in _SCHEMA.split(";"):
        database.execute(statement)
    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    if not file_id(database):
        database.execute(f"PRAGMA application_id = {secrets.randbelow(_MAX_FILE_ID) + 1}")
    database.commit()


def file_id(database: sqlite3.Connection) -> int:
    """Return the random number that the file was given when it was made, 0 if it was made by an early version.

    It tells a file from one that takes its place, which may get the same inode. SQLite keeps it as the application ID.
    """
    return int(database.execute("PRAGMA application_id").fetchone()[0])


def _schema_version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def open_database(for_saving: bool = False) -> Iterator[sqlite3.Connection]:
    """Open the database, and close it after the block. A missing file is made. SQLite's errors become StorageError.

    A file that may only be read can be opened, but not ``for_saving``. A file that is no database of passages is put
    aside, and a new one is made; ``take_notices`` tells. So is one in which damage is found ``for_saving``, but the
    block is not run again.
    """
    path = passage_db_file()
    try:
        with closing(_open_sound(path, for_saving)) as database:
            yield database
    except sqlite3.Error as error:
        if for_saving and _primary_code(error) == sqlite3.SQLITE_CORRUPT:
            _put_aside(path, error)
        raise StorageError(f"cannot use {path}: {error}") from error


def is_archive_empty() -> bool:
    """True if there is nothing to read: no file, or one without tables, as a full disk leaves it."""
    try:
        return passage_db_file().stat().st_size == 0
    except OSError:
        return True


def take_notices() -> list[str]:
    """Return the notices about files that were put aside since the last call."""
    notices = _notices.copy()
    _notices.clear()
    return notices


def _open_sound(path: Path, for_saving: bool) -> sqlite3.Connection:
    """Return the open database at ``path``, with all tables. Damaged, it is put aside first."""
    try:
        return _open(path, for_saving)
    except sqlite3.Error as error:
        if _primary_code(error) not in _DAMAGE and not path.is_dir():
            raise
        _put_aside(path, error)
    return _open(path, for_saving)


def _open(path: Path, for_saving: bool = True) -> sqlite3.Connection:
    database = _connect(path, for_saving)
    try:
        if _schema_version(database) < SCHEMA_VERSION:
            _make_tables(database)
        database.execute("SELECT 1 FROM passages, nodes, pieces, states LIMIT 0")
    except BaseException:
        database.close()
        raise
    return database


def _connect(path: Path, for_saving: bool) -> sqlite3.Connection:
    address = path.absolute().as_uri()
    try:
        private_file(path)
    except StorageError:
        if for_saving or not path.exists():
            raise
        address += "?mode=ro"
    return sqlite3.connect(address, timeout=BUSY_TIMEOUT, isolation_level=None, uri=True)


def _put_aside(path: Path, error: sqlite3.Error) -> None:
    """Give the damaged file another name, unless another process has done so. Raises StorageError if that fails."""
    try:
        _give_other_name(path, error)
    except (StorageError, OSError) as failure:
        raise StorageError(f"{path} is damaged ({error}), and cannot be put aside: {failure}") from error


def _give_other_name(path: Path, error: sqlite3.Error) -> None:
    with hold_lock(private_file(lock_file("passages")), BUSY_TIMEOUT):
        with suppress(sqlite3.Error), closing(_open(path)) as database:
            if database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",):
                return
        aside = next(each for n in count(1) if not (each := path.with_name(f"{path.stem}.damaged-{n}.sqlite")).exists())
        for suffix in ("", "-journal", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
    _notices.append(f"{path} is damaged ({error}): it is kept as {aside}, and passages are saved in a new file")


def _primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's error code without its extension, 0 if there is none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
