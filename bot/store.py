"""What the bot remembers: settings by channel, and which commands Discord knows. No text, no person."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..core.errors import SettingError, StorageError
from ..core.paths import data_dir, private_file
from ..core.settingkinds import Ramp
from ..core.settings import SPECS, spec_of

SCHEMA = 1

_TABLES = f"""
BEGIN IMMEDIATE;
CREATE TABLE channel_settings (
    channel INTEGER NOT NULL, guild INTEGER, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (channel, name)
) WITHOUT ROWID;
CREATE INDEX channel_settings_guild ON channel_settings (guild);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = {SCHEMA};
COMMIT;
"""


def default_place() -> Path:
    """The bot's file in the user's data folder."""
    return data_dir() / "bot.sqlite3"


class Store:
    """One SQLite file, readable by its owner alone. Every change is on disk when the call returns.

    All methods raise StorageError. Belongs to the thread that made it.
    """

    def __init__(self, path: Path) -> None:
        self._path = private_file(path)
        with self._telling():
            self._db = sqlite3.connect(path, isolation_level=None)
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def settings(self, channel: int) -> dict[str, Any]:
        """What was set in a channel, by name. Values that this release does not permit are left out."""
        rows = self._run("SELECT name, value FROM channel_settings WHERE channel = ?", channel)
        return dict(_readable(rows))

    def keep(self, channel: int, guild: int | None, name: str, value: Any) -> None:
        """Remember a setting of a channel."""
        self._run(
            "INSERT OR REPLACE INTO channel_settings (channel, guild, name, value) VALUES (?, ?, ?, ?)",
            *(channel, guild, name, _written(name, value)),
        )

    def forget_channel(self, channel: int) -> None:
        """Remove all that was set in a channel."""
        self._run("DELETE FROM channel_settings WHERE channel = ?", channel)

    def forget_guild(self, guild: int) -> None:
        """Remove all that was set in a server's channels."""
        self._run("DELETE FROM channel_settings WHERE guild = ?", guild)

    @property
    def registered(self) -> str:
        """The fingerprint of the commands that Discord has; "" where it has none."""
        rows = self._run("SELECT value FROM facts WHERE name = 'commands'")
        return str(rows[0][0]) if rows else ""

    @registered.setter
    def registered(self, fingerprint: str) -> None:
        self._run("INSERT OR REPLACE INTO facts (name, value) VALUES ('commands', ?)", fingerprint)

    def _prepare(self) -> None:
        """Lay out a new file; refuse one from a later release before anything is written."""
        version = self._run("PRAGMA user_version")[0][0]
        if version > SCHEMA:
            raise StorageError(f"{self._path} was written by a newer afterglow; it was left as it is")
        if version == 0:
            with self._telling():
                self._db.executescript(_TABLES)

    def _run(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._telling():
            return self._db.execute(statement, values).fetchall()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StorageError(f"cannot use {self._path}: {error}") from error


def _readable(rows: list[tuple[Any, ...]]) -> Iterator[tuple[str, Any]]:
    for name, text in rows:
        try:
            yield name, spec_of(name).parse(text)
        except SettingError:
            continue


def _written(name: str, value: Any) -> str:
    """A value as text that reads back as exactly the same one: what people are shown is rounded."""
    if isinstance(value, Ramp):
        return f"{value.start!r}..{value.end!r}"
    return repr(value) if isinstance(value, float) else SPECS[name].kind.show(value)
