"""The bot's data file: settings, model states of channels with a memory, and uptime. No texts, nothing about people."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..core.errors import SettingError, StorageError
from ..core.file_io import private_file
from .setting_specs import BOT_SETTINGS, SETTINGS, spec_of, value_to_text

MIGRATIONS = (
    """
    CREATE TABLE channel_settings (
        channel INTEGER NOT NULL, guild INTEGER, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (channel, name)
    ) WITHOUT ROWID;
    CREATE INDEX channel_settings_guild ON channel_settings (guild);
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    """,
    """
    CREATE TABLE guild_settings (
        guild INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (guild, name)
    ) WITHOUT ROWID;
    CREATE TABLE states (channel INTEGER PRIMARY KEY, guild INTEGER, state BLOB NOT NULL);
    CREATE INDEX states_guild ON states (guild);
    """,
)
"""SQL from each schema version to the next. A file's ``user_version`` is the number applied. They are never changed."""

SCHEMA = len(MIGRATIONS)
"""Schema version that this release writes."""

MODEL_KEY = "model"
"""Name under which a channel's model is stored among its settings."""


class Store:
    """A SQLite file, readable by its owner only. Every change is on disk when the call returns.

    All methods can be called from any thread, and raise StorageError if the file cannot be used. Settings are read from
    a cache, filled at the start. Several processes can share a file because each channel belongs to one of them.
    """

    def __init__(self, path: Path) -> None:
        if path.is_dir():
            raise StorageError(f"cannot use {path}: it is a folder; give the path of a file")
        self._path = private_file(path)
        self._lock = threading.Lock()
        with self._translate_errors():
            self._db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
            self._db.text_factory = lambda text: text.decode("utf-8", "replace")
        try:
            self._migrate()
            self._channel_settings = self._load_by_owner("SELECT channel, name, value FROM channel_settings")
            self._guild_settings = self._load_by_owner("SELECT guild, name, value FROM guild_settings")
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def settings(self, channel: int) -> dict[str, Any]:
        """Return a channel's settings, value by name. Values that this release does not permit are left out."""
        return dict(self._channel_settings.get(channel, {}))

    def guild_settings(self, guild: int | None) -> dict[str, Any]:
        """Return the settings with scope "server", value by name."""
        return dict(self._guild_settings.get(guild or 0, {}))

    def save_setting(self, channel: int, guild: int | None, name: str, value: Any) -> None:
        """Save a channel's setting or model. A setting with scope "server" is saved for the whole server."""
        text = value if name == MODEL_KEY else value_to_text(name, value)
        if name in BOT_SETTINGS and BOT_SETTINGS[name].scope == "server":
            self._execute("INSERT OR REPLACE INTO guild_settings VALUES (?, ?, ?)", guild or 0, name, text)
            self._guild_settings.setdefault(guild or 0, {})[name] = value
            return
        self._execute("INSERT OR REPLACE INTO channel_settings VALUES (?, ?, ?, ?)", channel, guild, name, text)
        self._channel_settings.setdefault(channel, {})[name] = value

    def load_state(self, channel: int) -> bytes | None:
        """Return the model state of a channel's memory, None if there is none."""
        rows = self._execute("SELECT state FROM states WHERE channel = ? AND typeof(state) = 'blob'", channel)
        return bytes(rows[0][0]) if rows else None

    def save_state(self, channel: int, guild: int | None, state: bytes) -> None:
        """Save the model state that the channel's next text continues from."""
        self._execute("INSERT OR REPLACE INTO states VALUES (?, ?, ?)", channel, guild, state)

    def forget_state(self, channel: int) -> None:
        """Delete the model state of a channel's memory."""
        self._execute("DELETE FROM states WHERE channel = ?", channel)

    def forget_channel(self, channel: int) -> None:
        """Delete everything stored for a channel."""
        for table in ("channel_settings", "states"):
            self._execute(f"DELETE FROM {table} WHERE channel = ?", channel)  # noqa: S608
        self._channel_settings.pop(channel, None)

    def forget_guild(self, guild: int) -> None:
        """Delete everything stored for a server and its channels."""
        rows = self._execute("SELECT DISTINCT channel FROM channel_settings WHERE guild = ?", guild)
        for table in ("channel_settings", "guild_settings", "states"):
            self._execute(f"DELETE FROM {table} WHERE guild = ?", guild)  # noqa: S608
        for (channel,) in rows:
            self._channel_settings.pop(channel, None)
        self._guild_settings.pop(guild, None)

    def guild_ids(self) -> set[int]:
        """Return the ids of all servers with something stored."""
        tables = ("channel_settings", "guild_settings", "states")
        query = " UNION ".join(f"SELECT guild FROM {table} WHERE guild" for table in tables)  # noqa: S608
        return {guild for (guild,) in self._execute(query)}

    def channel_ids(self, guild: int) -> set[int]:
        """Return the ids of a server's channels with something stored."""
        sql = "SELECT channel FROM channel_settings WHERE guild = ? UNION SELECT channel FROM states WHERE guild = ?"
        return {channel for (channel,) in self._execute(sql, guild, guild)}

    def get_meta(self, name: str) -> str:
        """Return a value about the bot itself, "" if there is none."""
        rows = self._execute("SELECT value FROM facts WHERE name = ?", name)
        return str(rows[0][0]) if rows else ""

    def set_meta(self, name: str, value: str) -> None:
        """Save a value about the bot itself."""
        self._execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", name, value)

    def list_meta(self, prefix: str) -> dict[str, str]:
        """Return the values about the bot itself whose names begin with ``prefix``, by name."""
        return dict(self._execute("SELECT name, value FROM facts WHERE substr(name, 1, ?) = ?", len(prefix), prefix))

    def _migrate(self) -> None:
        """Update an older file in one transaction. Raises StorageError for a newer one, which is not changed."""
        if self._schema_version() == SCHEMA:
            return
        self._execute("BEGIN IMMEDIATE")
        version = self._schema_version()  # another process may have updated the file meanwhile
        if version > SCHEMA:
            raise StorageError(f"{self._path} was written by a newer version of afterglow; update afterglow to use it")
        for statement in "".join(MIGRATIONS[version:]).split(";"):
            self._execute(statement)
        self._execute(f"PRAGMA user_version = {SCHEMA}")
        self._execute("COMMIT")

    def _schema_version(self) -> int:
        return int(self._execute("PRAGMA user_version")[0][0])

    def _load_by_owner(self, query: str) -> dict[int, dict[str, Any]]:
        """Return the settings of each channel or server by its id."""
        settings: dict[int, dict[str, Any]] = {}
        for owner, name, value in _parse_rows(self._execute(query)):
            settings.setdefault(owner, {})[name] = value
        return settings

    def _execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock, self._translate_errors():
            return self._db.execute(statement, values).fetchall()

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StorageError(f"cannot use {self._path}: {error}") from error


def _parse_rows(rows: list[tuple[Any, ...]]) -> Iterator[tuple[int, str, Any]]:
    """Yield (owner, name, value). Rows that are damaged, or that this release does not know or permit, are skipped."""
    for owner, name, text in rows:
        if not isinstance(text, str):
            continue
        if name == MODEL_KEY:
            yield owner, name, text
        elif name in SETTINGS:
            try:
                yield owner, name, spec_of(name).parse(text)
            except SettingError:
                continue
