"""What the bot remembers, in one file to back up: settings, states of channels with a memory, and how it fares.

No text, and nothing of any person.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..core.errors import SettingError, StorageError
from ..core.file_io import private_file
from ..core.paths import data_dir
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
"""What leads from each schema to the next; a file's version says how many it has behind it. They are never changed."""

SCHEMA = len(MIGRATIONS)
MODEL_KEY = "model"
"""The name under which a channel's model is kept beside its settings."""


def default_place() -> Path:
    """The bot's file in the user's data folder."""
    return data_dir() / "bot.sqlite3"


class Store:
    """One SQLite file, readable by its owner alone. Every change is on disk when the call returns.

    All methods raise StorageError, and may be called from any thread. What is read of settings comes from memory:
    several processes may share a file, as each channel belongs to one of them.
    """

    def __init__(self, path: Path) -> None:
        if path.is_dir():
            raise StorageError(f"cannot use {path}: it is a folder; name a file in it")
        self._path, self._lock = private_file(path), threading.Lock()
        with self._translate_errors():
            self._db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        try:
            self._migrate()
            self._channel_settings = self._load_by_owner("SELECT channel, name, value FROM channel_settings")
            self._guild_settings = self._load_by_owner("SELECT guild, name, value FROM guild_settings")
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    def settings(self, channel: int) -> dict[str, Any]:
        """What was set in a channel, by name. Values that this release does not permit are left out."""
        return dict(self._channel_settings.get(channel, {}))

    def guild_settings(self, guild: int | None) -> dict[str, Any]:
        """What was set for all of a server, by name."""
        return dict(self._guild_settings.get(guild or 0, {}))

    def save_setting(self, channel: int, guild: int | None, name: str, value: Any) -> None:
        """Remember a setting, or the model, of a channel; a setting of scope "server" for the whole server."""
        text = value if name == MODEL_KEY else value_to_text(name, value)
        if name in BOT_SETTINGS and BOT_SETTINGS[name].scope == "server":
            self._execute("INSERT OR REPLACE INTO guild_settings VALUES (?, ?, ?)", guild or 0, name, text)
            self._guild_settings.setdefault(guild or 0, {})[name] = value
            return
        self._execute("INSERT OR REPLACE INTO channel_settings VALUES (?, ?, ?, ?)", channel, guild, name, text)
        self._channel_settings.setdefault(channel, {})[name] = value

    def load_state(self, channel: int) -> bytes | None:
        """What the model remembers of a channel."""
        rows = self._execute("SELECT state FROM states WHERE channel = ?", channel)
        return bytes(rows[0][0]) if rows else None

    def save_state(self, channel: int, guild: int | None, state: bytes) -> None:
        """Let the next text of a channel go on from ``state``."""
        self._execute("INSERT OR REPLACE INTO states VALUES (?, ?, ?)", channel, guild, state)

    def forget_state(self, channel: int) -> None:
        """Let the next text of a channel begin anew."""
        self._execute("DELETE FROM states WHERE channel = ?", channel)

    def forget_channel(self, channel: int) -> None:
        """Remove all that is kept for a channel."""
        for table in ("channel_settings", "states"):
            self._execute(f"DELETE FROM {table} WHERE channel = ?", channel)  # noqa: S608
        self._channel_settings.pop(channel, None)

    def forget_guild(self, guild: int) -> None:
        """Remove all that is kept for a server and its channels."""
        gone = [row[0] for row in self._execute("SELECT DISTINCT channel FROM channel_settings WHERE guild = ?", guild)]
        for table in ("channel_settings", "guild_settings", "states"):
            self._execute(f"DELETE FROM {table} WHERE guild = ?", guild)  # noqa: S608
        for channel in gone:
            self._channel_settings.pop(channel, None)
        self._guild_settings.pop(guild, None)

    def guild_ids(self) -> set[int]:
        """The servers that something is kept for."""
        tables = ("channel_settings", "guild_settings", "states")
        each = " UNION ".join(f"SELECT guild FROM {table} WHERE guild" for table in tables)  # noqa: S608
        return {row[0] for row in self._execute(each)}

    def channel_ids(self, guild: int) -> set[int]:
        """The channels of a server that something is kept for."""
        each = "SELECT channel FROM channel_settings WHERE guild = ?1 UNION SELECT channel FROM states WHERE guild = ?1"
        return {row[0] for row in self._execute(each, guild)}

    def get_meta(self, name: str) -> str:
        """What was noted under a name; "" where nothing was."""
        rows = self._execute("SELECT value FROM facts WHERE name = ?", name)
        return str(rows[0][0]) if rows else ""

    def set_meta(self, name: str, value: str) -> None:
        """Note something about the bot itself."""
        self._execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", name, value)

    def list_meta(self, start: str) -> dict[str, str]:
        """All that was noted under names that begin so."""
        return dict(self._execute("SELECT name, value FROM facts WHERE substr(name, 1, ?) = ?", len(start), start))

    @property
    def commands_fingerprint(self) -> str:
        """The fingerprint of the commands that Discord has; "" where it has none."""
        return self.get_meta("commands")

    @commands_fingerprint.setter
    def commands_fingerprint(self, fingerprint: str) -> None:
        self.set_meta("commands", fingerprint)

    def _migrate(self) -> None:
        """Bring an older file up to date in one step; refuse one from a later release before anything is written."""
        version = self._execute("PRAGMA user_version")[0][0]
        if version > SCHEMA:
            raise StorageError(f"{self._path} was written by a newer afterglow; it was left as it is")
        if version < SCHEMA:
            steps = "".join(MIGRATIONS[version:])
            with self._translate_errors():
                self._db.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {SCHEMA}; COMMIT;")

    def _load_by_owner(self, query: str) -> dict[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        for owner, name, value in _parse_rows(self._execute(query)):
            found.setdefault(owner, {})[name] = value
        return found

    def _execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock, self._translate_errors():
            return self._db.execute(statement, values).fetchall()

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StorageError(f"cannot use {self._path}: {error}") from error


def _parse_rows(rows: list[tuple[Any, ...]]) -> Iterator[tuple[int, str, Any]]:
    for owner, name, text in rows:
        if name == MODEL_KEY:
            yield owner, name, text
        elif name in SETTINGS:
            try:
                yield owner, name, spec_of(name).parse(text)
            except SettingError:
                continue
