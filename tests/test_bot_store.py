"""The bot's file: settings by channel that outlive the process, for the owner's eyes alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from afterglow.core.errors import StorageError
from afterglow.core.setting_types import Ramp

pytest.importorskip("discord")

from afterglow.bot.commands import FINGERPRINT_KEY
from afterglow.bot.config import Options
from afterglow.bot.health import report
from afterglow.bot.store import SCHEMA, Store

FIRST_RELEASE = """
CREATE TABLE channel_settings (
    channel INTEGER NOT NULL, guild INTEGER, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (channel, name)
) WITHOUT ROWID;
CREATE INDEX channel_settings_guild ON channel_settings (guild);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO channel_settings VALUES (1, 10, 'temperature', '1.2'), (1, 10, 'stop', "'\\n'");
INSERT INTO facts VALUES ('commands', 'abc');
PRAGMA user_version = 1;
"""
"""A file as the first release wrote it."""


@pytest.fixture
def store() -> Iterator[Store]:
    with closing(Store(Options().data_path)) as opened:
        yield opened


def again(store: Store) -> Store:
    store.close()
    return Store(Options().data_path)


def test_settings_are_kept_by_channel_over_a_restart(store: Store) -> None:
    store.save_setting(1, 10, "temperature", 1.2)
    store.save_setting(2, 10, "temperature", 0.4)
    store.save_setting(1, 10, "temperature", 1.3)
    with closing(again(store)) as reopened:
        assert reopened.settings(1) == {"temperature": 1.3}
        assert reopened.settings(2) == {"temperature": 0.4}
        assert reopened.settings(3) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", 0.123456789), ("temperature", Ramp(0.2, 1.6)), ("length", 300), ("rng", 7), ("stop", ("\n\n",))],
)
def test_a_value_reads_back_as_itself(store: Store, name: str, value: object) -> None:
    store.save_setting(1, None, name, value)
    assert store.settings(1) == {name: value}


def left(store: Store) -> tuple[list[int], dict[str, Any], set[int]]:
    """Which channels something is kept of, what of server 10, and of which servers."""
    channels = [channel for channel in (1, 2, 3, 4) if store.settings(channel) or store.load_state(channel)]
    return channels, store.guild_settings(10), store.guild_ids()


def test_a_server_or_a_channel_can_be_forgotten(store: Store) -> None:
    for channel, guild in ((1, 10), (2, 10), (3, 11), (4, None)):
        store.save_setting(channel, guild, "temperature", 1.2)
        store.save_state(channel, guild, b"state")
    store.save_setting(1, 10, "age_restricted", True)
    assert store.guild_ids() == {10, 11}
    store.forget_guild(10)
    store.forget_channel(4)
    assert left(store) == ([3], {}, {11})
    with closing(again(store)) as reopened:
        assert left(reopened) == ([3], {}, {11})


def test_values_that_this_release_does_not_know_are_left_out(store: Store) -> None:
    store.save_setting(1, 10, "length", 300)
    with closing(sqlite3.connect(Options().data_path)) as other, other:
        other.execute("INSERT INTO channel_settings VALUES (1, 10, 'wobble', '3'), (1, 10, 'temperature', '99')")
    with closing(again(store)) as reopened:
        assert reopened.settings(1) == {"length": 300}


def test_a_file_of_the_first_release_opens_and_can_do_everything(tmp_path: Path) -> None:
    path = tmp_path / "bot.sqlite3"
    with closing(sqlite3.connect(path)) as old, old:
        old.executescript(FIRST_RELEASE)
    with closing(Store(path)) as opened:
        assert opened.settings(1) == {"temperature": 1.2, "stop": ("\n",)}
        assert opened.get_meta(FINGERPRINT_KEY) == "abc"
        opened.save_setting(1, 10, "age_restricted", True)
        opened.save_state(1, 10, b"state")
    with closing(Store(path)) as opened:
        assert opened.guild_settings(10) == {"age_restricted": True}
        assert opened.load_state(1) == b"state"


def test_a_file_that_another_process_updates_meanwhile_is_updated_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bot.sqlite3"
    with closing(sqlite3.connect(path)) as old, old:
        old.executescript(FIRST_RELEASE)
    look = Store._schema_version
    others = iter([path])

    def look_and_be_overtaken(store: Store) -> int:
        version = look(store)
        for other in others:
            Store(other).close()
        return version

    monkeypatch.setattr(Store, "_schema_version", look_and_be_overtaken)
    with closing(Store(path)) as opened:
        assert next(others, None) is None
        assert opened.settings(1) == {"temperature": 1.2, "stop": ("\n",)}
        assert opened.guild_settings(10) == {}


@pytest.mark.parametrize("value", ["5", "NULL", "x'ff'", "CAST(x'ff' AS TEXT)", "''", "'[]'", "'{}'"])
@pytest.mark.parametrize(
    "place",
    [
        "channel_settings SET value = {} WHERE channel = 1",
        "guild_settings SET value = {} WHERE guild = 1",
        "facts SET value = {} WHERE name = 'run 1'",
        "states SET state = {} WHERE channel = 1",
    ],
)
def test_a_damaged_value_hides_no_other_one(store: Store, place: str, value: str) -> None:
    for channel in (1, 2):
        store.save_setting(channel, channel, "length", 300)
        store.save_setting(channel, channel, "age_restricted", True)
        store.save_state(channel, channel, b"state")
        store.set_meta(f"run {channel}", '{"seen": 0, "began": 0, "running": false}')
    with suppress(StorageError):  # NOT NULL
        store._execute(f"UPDATE {place.format(value)}")
    with closing(again(store)) as reopened:
        assert reopened.settings(1).keys() <= {"length"}
        assert reopened.settings(2) == {"length": 300}
        assert reopened.guild_settings(2) == {"age_restricted": True}
        assert reopened.load_state(2) == b"state"
        assert isinstance(reopened.load_state(1) or b"", bytes)
        assert any("shards 2: stopped" in line for line in report(reopened))


def test_a_model_and_the_bots_own_settings_are_kept(store: Store) -> None:
    store.save_setting(1, 10, "model", "mine")
    store.save_setting(1, 10, "typewriter", True)
    with closing(again(store)) as reopened:
        assert reopened.settings(1) == {"model": "mine", "typewriter": True}


def test_a_full_disk_is_one_line_and_changes_nothing(store: Store) -> None:
    store.save_setting(1, 10, "length", 300)
    store._db.execute(f"PRAGMA max_page_count = {store._db.execute('PRAGMA page_count').fetchone()[0]}")
    with pytest.raises(StorageError, match="database or disk is full"):
        store.save_state(1, 10, bytes(100_000))
    assert store.settings(1) == {"length": 300}
    assert store.load_state(1) is None


def test_the_fingerprint_of_the_commands_is_kept(store: Store) -> None:
    assert store.get_meta(FINGERPRINT_KEY) == ""
    store.set_meta(FINGERPRINT_KEY, "abc")
    with closing(again(store)) as reopened:
        assert reopened.get_meta(FINGERPRINT_KEY) == "abc"


def test_only_the_owner_may_read_it(store: Store) -> None:
    store.save_setting(1, 10, "length", 300)
    assert Options().data_path.stat().st_mode & 0o777 == 0o600


def test_the_schema_has_a_version_and_a_later_one_is_left_alone(store: Store) -> None:
    store.close()
    with closing(sqlite3.connect(Options().data_path)) as other:
        assert other.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
        other.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    before = Options().data_path.read_bytes()
    with pytest.raises(StorageError, match="newer version of afterglow"):
        Store(Options().data_path)
    assert Options().data_path.read_bytes() == before


def test_a_file_that_is_no_database_gets_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bot.sqlite3"
    path.write_bytes(b"not a database, but long enough to be looked at as one" * 4)
    with pytest.raises(StorageError, match="file is not a database") as error:
        Store(path)
    assert "\n" not in str(error.value)
