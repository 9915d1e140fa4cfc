"""Every passage, autosaved while it grows, in one SQLite file that only its owner may read.

A passage is rows: its head, its nodes, and pieces of tokens in the order in which they were drawn. Saving again writes
what is new and nothing else. A process that is killed loses what came since the last save.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..errors import StorageError
from ..events import Token
from ..file_io import private_file
from ..generation.snapshot import Snapshot, to_bytes
from ..paths import passage_db_file
from . import passage_json
from .passage import Node, Passage, StoredSnapshot
from .passage_json import PASSAGE_FORMAT, from_dict, node_header, passage_header, token_columns

_SCHEMA = """
CREATE TABLE IF NOT EXISTS passages(
    id INTEGER PRIMARY KEY AUTOINCREMENT, version INTEGER NOT NULL, changed REAL NOT NULL, format INTEGER NOT NULL,
    model TEXT NOT NULL, model_sha256 TEXT NOT NULL, rng INTEGER NOT NULL, cursor INTEGER, text TEXT NOT NULL,
    settings TEXT);
CREATE TABLE IF NOT EXISTS nodes(
    passage INTEGER NOT NULL, number INTEGER NOT NULL, head TEXT NOT NULL, PRIMARY KEY(passage, number));
CREATE TABLE IF NOT EXISTS pieces(
    passage INTEGER NOT NULL, node INTEGER NOT NULL, first INTEGER NOT NULL, tokens TEXT NOT NULL,
    PRIMARY KEY(passage, node, first));
CREATE TABLE IF NOT EXISTS states(
    passage INTEGER NOT NULL, node INTEGER NOT NULL, position INTEGER NOT NULL, start INTEGER NOT NULL,
    data BLOB NOT NULL, PRIMARY KEY(passage, node, start, position));
"""

_SnapshotKey = tuple[bool, int]
"""Whether a state is the one that a node's tokens follow, and its position."""

_SnapshotKeys = set[_SnapshotKey]

STORED_SNAPSHOT_INTERVAL = 8192
"""Tokens from one state on disk to the next: half a second of reading leads from one to any place."""

SCHEMA_VERSION = 2
"""Of the tables: in 1 passages had no settings and no states."""

BUSY_TIMEOUT = 5.0
"""Seconds for which another window's save is waited for."""


class SavedPassage(NamedTuple):
    """A passage that can be opened: its number, when it was changed (Unix time), its model, and its text."""

    number: int
    changed: float
    model: str
    text: str


class PassageSaver:
    """Autosaves one passage after another. May be called from any thread, one at a time."""

    def __init__(self) -> None:
        self._passage: Passage | None = None
        self._saved_nodes: dict[int, tuple[dict[str, Any], int]] = {}
        self._saved_header: dict[str, Any] = {}
        self._snapshot_keys: dict[int, _SnapshotKeys] = {}
        self._search_text_tokens = 0

    def save(self, passage: Passage) -> str | None:
        """Save what is new; a word to the reader where another window had changed the passage too.

        Raises StorageError where it cannot be written; the next call tries again.
        """
        if passage is not self._passage:
            self._passage, self._saved_nodes, self._saved_header, self._snapshot_keys = passage, {}, {}, {}
            self._search_text_tokens = 0
        if not passage.nodes or not self._has_changed(passage):
            return None
        with _open_database() as database:
            return self._save_changes(database, passage)

    def _has_changed(self, passage: Passage) -> bool:
        kept = ((node_header(node), len(node.tokens)) for node in list(passage.nodes))
        same = all(self._saved_nodes.get(number) == values for number, values in enumerate(kept))
        return not same or self._saved_header != passage_header(passage)

    def _save_changes(self, database: sqlite3.Connection, passage: Passage) -> str | None:
        head = passage_header(passage)
        nodes = list(passage.nodes)
        values = {**head, "changed": time.time(), "format": PASSAGE_FORMAT, "settings": json.dumps(head["settings"])}
        if self._search_text_is_stale(passage, head["cursor"]):
            values["text"] = _search_text(passage)
        place, notice = _upsert_header(database, passage, values)
        if place != passage.archived or not self._saved_nodes:
            self._saved_nodes, self._snapshot_keys = {}, {}
            for table in ("pieces", "states"):
                database.execute(f"DELETE FROM {table} WHERE passage = ?", place[:1])  # noqa: S608
        written = {n: self._write_node(database, place[0], n, _node_to_save(nodes, n)) for n in range(len(nodes))}
        kept = [self._write_snapshots(database, place[0], n, nodes[n], passage.model_sha256) for n in range(len(nodes))]
        database.commit()
        passage.archived, self._saved_header = (place[0], place[1] + 1), head
        self._saved_nodes.update(written)
        self._snapshot_keys = dict(enumerate(kept))
        return notice

    def _search_text_is_stale(self, passage: Passage, cursor: int | None) -> bool:
        """Whether the text that is searched is written anew: where it merely grew, not before it is a tenth longer."""
        if cursor is None:
            return True
        known = self._saved_nodes.get(cursor, ({}, 0))[0]
        same = self._saved_header.get("cursor") == cursor and known == node_header(passage.nodes[cursor])
        count = passage.token_count()
        if same and count < 1.1 * self._search_text_tokens:
            return False
        self._search_text_tokens = count
        return True

    def _write_node(
        self, database: sqlite3.Connection, passage: int, number: int, current: tuple[dict[str, Any], list[Token]]
    ) -> tuple[dict[str, Any], int]:
        """Write what is new of a node; what of it stands there now."""
        known, first = self._saved_nodes.get(number, ({}, 0))
        head, tokens = current[0], current[1][first:]
        if head != known:
            row = (passage, number, json.dumps(head))
            database.execute("INSERT OR REPLACE INTO nodes VALUES (?, ?, ?)", row)
        if tokens:
            piece = (passage, number, first, json.dumps(token_columns(tokens), allow_nan=False))
            database.execute("INSERT OR REPLACE INTO pieces VALUES (?, ?, ?, ?)", piece)
        return head, first + len(tokens)

    def _write_snapshots(
        self, database: sqlite3.Connection, passage: int, number: int, node: Node, model: str
    ) -> _SnapshotKeys:
        """Write the states of a node that are not there yet, and take away those that are of no use; what is there."""
        wanted, known = _snapshots_to_store(node), self._snapshot_keys.get(number, set())
        for start, position in known - wanted.keys():
            place = (passage, number, start, position)
            database.execute("DELETE FROM states WHERE passage = ? AND node = ? AND start = ? AND position = ?", place)
        for start, position in wanted.keys() - known:
            row = (passage, number, position, start, to_bytes(wanted[start, position], model))
            database.execute("INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?, ?)", row)
        return set(wanted)


def _snapshots_to_store(node: Node) -> dict[_SnapshotKey, Snapshot]:
    """Of a node's states the first, the latest and some between, by whether it is the first, and position."""
    if node.start is None:
        return {}
    further = dict(node.snapshots)
    latest = max(further, default=0)
    kept = {(False, p): state for p, state in further.items() if p % STORED_SNAPSHOT_INTERVAL == 0 or p == latest}
    return {(True, node.start.position): node.start, **kept}


def _node_to_save(nodes: Sequence[Node], number: int) -> tuple[dict[str, Any], list[Token]]:
    """A node as it can be saved: without a way on to one that was added after ``nodes`` were listed."""
    head = node_header(nodes[number])
    if head["visited"] is not None and head["visited"] >= len(nodes):
        head["visited"] = None
    return head, nodes[number].tokens


def list_passages(query: str = "") -> list[tuple[str, str]]:
    """What can be opened, as (name, what it is): the autosaved ones, latest first, then those saved under a name."""
    kept = [(f"#{each.number}", _describe(each)) for each in search_passages(query)]
    named = [(name, "saved under this name") for name in passage_json.list_names() if query.lower() in name.lower()]
    return kept + named


def open_by_name(name: str) -> Passage:
    """The passage of that name or number, or the only one that ``name`` occurs in; raises StorageError else."""
    number = name.removeprefix("#")
    if (
        number.isdecimal() and len(number) < 19 and name not in passage_json.list_names()
    ):  # SQLite's numbers have 63 bits
        return load(int(number))
    found = [] if name in passage_json.list_names() else search_passages(name, 2)
    if len(found) == 1:
        return load(found[0].number)
    if found:
        raise StorageError(f"{name!r} occurs in several passages; /open lists them, and #NUMBER opens one")
    return passage_json.load(name)


def _describe(entry: SavedPassage) -> str:
    beginning = " ".join(entry.text[:60].split())
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.changed))
    return f"{beginning} · {len(entry.text):,} characters · {entry.model} · {when}"


def search_passages(query: str = "", limit: int = 200) -> list[SavedPassage]:
    """The autosaved passages whose text holds ``search`` in any case, the latest first."""
    if not passage_db_file().exists():
        return []
    wanted = query.casefold().encode("utf-8", "replace").decode()
    with _open_database() as database:
        database.create_function("folded", 1, str.casefold, deterministic=True)  # LIKE knows the cases of ASCII alone
        found = database.execute(
            "SELECT id, changed, model, text FROM passages WHERE instr(folded(text), ?) ORDER BY changed DESC LIMIT ?",
            (wanted, limit),
        )
        return [SavedPassage(*row) for row in found]


def load(number: int) -> Passage:
    """An autosaved passage as it stood last; raises StorageError where there is none or it is damaged."""
    with _open_database() as database:
        head = database.execute(
            "SELECT format, model, model_sha256, rng, cursor, settings, version FROM passages WHERE id = ?", (number,)
        ).fetchone()
        if head is None:
            raise StorageError(f"there is no passage #{number}; /open lists them")
        nodes = database.execute("SELECT head FROM nodes WHERE passage = ? ORDER BY number", (number,)).fetchall()
        pieces = database.execute(
            "SELECT node, tokens FROM pieces WHERE passage = ? ORDER BY node, first", (number,)
        ).fetchall()
        states = database.execute("SELECT node, start, data FROM states WHERE passage = ?", (number,)).fetchall()
    try:
        passage = from_dict(_rows_to_dict(head, nodes, pieces))
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        raise StorageError(f"passage #{number} in {passage_db_file()} is damaged; it was left as it is") from None
    passage.archived = (number, head[-1])
    whole = (state for state in states if isinstance(state[2], bytes) and 0 <= state[0] < len(passage.nodes))
    passage.stored_snapshots = [StoredSnapshot(*state) for state in whole]
    return passage


def _rows_to_dict(head: tuple[Any, ...], nodes: list[tuple[str]], pieces: list[tuple[int, str]]) -> dict[str, Any]:
    """The rows of a passage as the JSON of a saved one."""
    columns: dict[int, dict[str, list[Any]]] = defaultdict(lambda: token_columns([]))
    for node, tokens in pieces:
        for name, values in json.loads(tokens).items():
            columns[node][name] += values
    named = dict(zip(("format", "model", "model_sha256", "rng", "cursor", "settings"), head, strict=False))
    named["settings"] = json.loads(named["settings"] or "null")
    return {**named, "nodes": [{**json.loads(row[0]), "tokens": columns[n]} for n, row in enumerate(nodes)]}


def _search_text(passage: Passage) -> str:
    """What is searched; a lone surrogate, as a shell hands on of a broken character, is no text to SQLite."""
    return passage.text().encode("utf-8", "replace").decode()


def _upsert_header(
    database: sqlite3.Connection, passage: Passage, values: dict[str, Any]
) -> tuple[tuple[int, int], str | None]:
    """Write a passage's head; its number and version so far. Where another window was there first, it is a copy."""
    database.execute("BEGIN IMMEDIATE")
    if passage.archived:
        columns = ", ".join(f"{name} = :{name}" for name in values)
        written = database.execute(
            f"UPDATE passages SET version = version + 1, {columns} WHERE id = :id AND version = :version",  # noqa: S608
            {**values, "id": passage.archived[0], "version": passage.archived[1]},
        )
        if written.rowcount:
            return passage.archived, None
    values = {"text": _search_text(passage)} | values
    names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    made = database.execute(f"INSERT INTO passages(version, {names}) VALUES (1, {places})", values)  # noqa: S608
    number = int(made.lastrowid or 0)
    notice = (
        f"another window changed this passage too: here it goes on as a copy, #{number}" if passage.archived else None
    )
    return (number, 0), notice


def _make_tables(database: sqlite3.Connection) -> None:
    """Make the tables, or what is new in them, unless another process does so meanwhile."""
    database.execute("BEGIN IMMEDIATE")
    if _schema_version(database) == 1:
        database.execute("ALTER TABLE passages ADD COLUMN settings TEXT")
    for statement in _SCHEMA.split(";"):
        database.execute(statement)
    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    database.commit()


def _schema_version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def _open_database() -> Iterator[sqlite3.Connection]:
    """The database, made where there is none; what goes wrong becomes a StorageError."""
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
