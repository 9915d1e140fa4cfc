"""Autosaved passages in one SQLite file that only its owner may read.

A passage is stored as rows: its header, its nodes, blocks of tokens in the order in which they were drawn, and
snapshots. A save writes only what is new. A killed process loses what came after the last save.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import StorageError
from ..generation.snapshot import Snapshot, to_bytes
from ..paths import passage_db_file
from ..text.find import contains_words
from ..user_files import FileStamp, stamp_file
from .node import Node
from .passage import Passage, RowVersion
from .passage_json import FORMAT_ERRORS, PASSAGE_FORMAT, node_header, passage_header, token_columns
from .passage_rows import PassageRows
from .passage_tables import file_id, is_archive_empty, open_database
from .stored_passage import SavedPassage, StoredPassage, no_such_number

_SnapshotKey = tuple[bool, int]
"""Key of a stored snapshot within its node: (True for the one before the first token, position)."""

_NodeHeader = dict[str, Any]

STORED_SNAPSHOT_INTERVAL = 8192
"""Tokens between stored snapshots. Reading from one to the place before the next takes half a second."""


class PassageSaver:
    """Autosaves one passage after another. May be called from any thread, but from one at a time."""

    def __init__(self) -> None:
        self._writer: _PassageWriter | None = None
        self._file_id: int | None = None
        self._file_stamp: FileStamp | None = None

    def save(self, passage: Passage) -> str | None:
        """Save what is new. Return a notice if another window changed or deleted it, and this passage became a copy.

        Raises StorageError if the file cannot be written; the next call tries again.
        """
        if self._writer is None or self._writer.passage is not passage:
            self._writer = _PassageWriter(passage)
        changed = self._writer.has_changed()
        if not passage.nodes or not (changed or self._is_file_changed()):
            return None
        with open_database(for_saving=True) as database:
            writer = self._writer_to(database, passage)
            notice = writer.write(database) if changed or writer is not self._writer else None
        self._writer = writer
        self._file_stamp = stamp_file(passage_db_file())
        return notice

    def _is_file_changed(self) -> bool:
        """True if the file that was written last has changed since, or another one is in its place."""
        return self._file_stamp is not None and self._file_stamp != stamp_file(passage_db_file())

    def _writer_to(self, database: sqlite3.Connection, passage: Passage) -> _PassageWriter:
        """Return a new writer if another file has taken the place of the one that was written last."""
        known, self._file_id = self._file_id, file_id(database)
        if self._writer and known in (None, self._file_id):
            return self._writer
        passage.row = None  # the file with this row was put aside or deleted
        return _PassageWriter(passage)


@dataclass(slots=True)
class _PassageWriter:
    """Writes one passage, and remembers what its rows hold."""

    passage: Passage
    header: dict[str, Any] = field(default_factory=dict)
    nodes: dict[int, tuple[_NodeHeader, int]] = field(default_factory=dict)
    """Header and number of tokens of each stored node."""
    snapshot_keys: list[set[_SnapshotKey]] = field(default_factory=list)
    """Keys of the stored snapshots, by node."""
    search_text_tokens: int = 0
    """Number of generated tokens when the search text was written."""

    def has_changed(self) -> bool:
        """True if the passage differs from its rows."""
        current = ((node_header(node), len(node.tokens)) for node in list(self.passage.nodes))
        same = all(self.nodes.get(number) == values for number, values in enumerate(current))
        return not same or self.header != passage_header(self.passage)

    def write(self, database: sqlite3.Connection) -> str | None:
        """Write what is new in one transaction. Return a notice if the passage became a copy, else None."""
        header = passage_header(self.passage)
        nodes = list(self.passage.nodes)
        count = self.passage.token_count()
        values = _row_values(header)
        if self._search_text_is_stale(header["cursor"], count):
            values["text"] = _search_text(self.passage)
        database.execute("BEGIN IMMEDIATE")
        if self.passage.deleted:  # by another thread meanwhile
            return None
        before = self.passage.row
        row, notice = self._write_row(database, before, values)
        if before is None or row.id != before.id or not self.nodes:
            self._discard_rows(database, row.id)
        stored = {number: self._write_node(database, row.id, number, nodes) for number in range(len(nodes))}
        keys = [self._write_snapshots(database, row.id, number, node) for number, node in enumerate(nodes)]
        database.commit()
        self.passage.row = row
        self.header = header
        self.nodes.update(stored)
        self.snapshot_keys = keys
        if "text" in values:
            self.search_text_tokens = count
        return notice

    def _search_text_is_stale(self, cursor: int | None, count: int) -> bool:
        """True if the search text has to be updated. A text that only grew is updated after growing by 10 %."""
        if cursor is None:
            return True
        stored, _ = self.nodes.get(cursor, ({}, 0))
        only_grew = self.header.get("cursor") == cursor and stored == node_header(self.passage.nodes[cursor])
        return not only_grew or count >= 1.1 * self.search_text_tokens

    def _write_row(
        self, database: sqlite3.Connection, row: RowVersion | None, values: dict[str, Any]
    ) -> tuple[RowVersion, str | None]:
        """Update the row, or insert one, and return its version.

        If another process has changed or deleted the row, a copy is inserted, and the second value is a notice about
        it.
        """
        if row and _update_row(database, row, values):
            return RowVersion(row.id, row.version + 1), None
        copy = _insert_row(database, {"text": _search_text(self.passage)} | values)
        if row is None:
            return copy, None
        left = database.execute("SELECT 1 FROM passages WHERE id = ?", (row.id,)).fetchone()
        what = "changed this passage too" if left else f"deleted #{row.id}"
        return copy, f"another window {what}; this one continues as a copy, #{copy.id}"

    def _discard_rows(self, database: sqlite3.Connection, passage_id: int) -> None:
        """Delete the stored tokens and snapshots, so that everything is written again."""
        self.nodes = {}
        self.snapshot_keys = []
        for table in ("pieces", "states"):
            database.execute(f"DELETE FROM {table} WHERE passage = ?", (passage_id,))  # noqa: S608

    def _write_node(
        self, database: sqlite3.Connection, passage_id: int, number: int, nodes: Sequence[Node]
    ) -> tuple[_NodeHeader, int]:
        """Write what is new of a node. Return its header and number of tokens as stored now."""
        stored, first = self.nodes.get(number, ({}, 0))
        header = _header_to_save(nodes, number)
        tokens = nodes[number].tokens[first:]
        if header != stored:
            row = (passage_id, number, json.dumps(header))
            database.execute("INSERT OR REPLACE INTO nodes VALUES (?, ?, ?)", row)
        if tokens:
            block = (passage_id, number, first, json.dumps(token_columns(tokens), allow_nan=False))
            database.execute("INSERT OR REPLACE INTO pieces VALUES (?, ?, ?, ?)", block)
        return header, first + len(tokens)

    def _write_snapshots(
        self, database: sqlite3.Connection, passage_id: int, number: int, node: Node
    ) -> set[_SnapshotKey]:
        """Write the new snapshots of a node and delete those no longer needed. Return the keys of the stored ones."""
        needed = _snapshots_to_store(node)
        stored = self.snapshot_keys[number] if number < len(self.snapshot_keys) else set()
        for is_start, position in stored - needed.keys():
            key = (passage_id, number, is_start, position)
            database.execute("DELETE FROM states WHERE passage = ? AND node = ? AND start = ? AND position = ?", key)
        for is_start, position in needed.keys() - stored:
            data = to_bytes(needed[is_start, position], self.passage.model_sha256)
            row = (passage_id, number, position, is_start, data)
            database.execute("INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?, ?)", row)
        return set(needed)


def _snapshots_to_store(node: Node) -> dict[_SnapshotKey, Snapshot]:
    """Return the snapshots of a node to store: its start, its latest, one every ``STORED_SNAPSHOT_INTERVAL`` tokens."""
    if node.start is None:
        return {}
    later = dict(node.snapshots)
    latest = max(later, default=0)
    stored = {
        (False, position): snapshot
        for position, snapshot in later.items()
        if position % STORED_SNAPSHOT_INTERVAL == 0 or position == latest
    }
    return {(True, node.start.position): node.start, **stored}


def _header_to_save(nodes: Sequence[Node], number: int) -> _NodeHeader:
    """Return a node's header, with ``visited`` cleared if it is a node added after ``nodes`` was copied."""
    header = node_header(nodes[number])
    if header["visited"] is not None and header["visited"] >= len(nodes):
        header["visited"] = None
    return header


def search_passages(query: str = "", limit: int = 200) -> list[SavedPassage]:
    """Return the autosaved passages whose text or name contains each word of ``query``, the latest first.

    Those with damaged values are among them.
    """
    return _select(
        "matches(CAST(text AS BLOB), CAST(name AS BLOB), ?) ORDER BY changed DESC LIMIT ?",
        _without_surrogates(query),
        limit,
    )


def find_number(number: int) -> SavedPassage | None:
    """Return the autosaved passage of this number, None if there is none."""
    return next(iter(_select("id = ?", number)), None)


def find_named(name: str) -> list[SavedPassage]:
    """Return the autosaved passages of this name."""
    return _select("name = ?", _without_surrogates(name))


def _select(condition: str, *values: object) -> list[SavedPassage]:
    """Return the autosaved passages for which an SQL condition is true."""
    if is_archive_empty():
        return []
    with open_database() as database:
        database.text_factory = _decode
        # SQLite's LIKE ignores case in ASCII only. As a BLOB any value reaches the function, in any encoding.
        database.create_function("matches", 3, _matches, deterministic=True)
        rows = database.execute(
            f"SELECT id, changed, model, text, name FROM passages WHERE {condition}",  # noqa: S608
            values,
        )
        return [SavedPassage.from_row(*row) for row in rows]


def _matches(text: bytes | None, name: bytes | None, query: str) -> bool:
    return contains_words(_decode((name or b"") + b"\n" + (text or b"")), query)


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def load(number: int) -> StoredPassage:
    """Return an autosaved passage. Raises StorageError if there is none of this number, or it is damaged."""
    with open_database() as database:
        rows = PassageRows.read(database, number)
    if rows is None:
        raise no_such_number(number)
    try:
        return rows.to_passage(number)
    except FORMAT_ERRORS:
        raise StorageError(f"passage #{number} in {passage_db_file()} is damaged; it was not changed") from None


def _row_values(header: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a passage's row except the search text."""
    settings = json.dumps(header["settings"])
    names = {key: _without_surrogates(header[key]) for key in ("model", "model_sha256")}
    return {**header, **names, "changed": time.time(), "format": PASSAGE_FORMAT, "settings": settings}


def _search_text(passage: Passage) -> str:
    """Return the text to search."""
    return _without_surrogates(passage.text())


def _without_surrogates(text: str) -> str:
    """Return ``text`` with "?" for lone surrogates, which SQLite cannot store."""
    return text.encode("utf-8", "replace").decode()


def _update_row(database: sqlite3.Connection, row: RowVersion, values: dict[str, Any]) -> bool:
    """Update a passage's row and increase its version. Return False, and change nothing, if it has another version."""
    columns = ", ".join(f"{name} = :{name}" for name in values)
    updated = database.execute(
        f"UPDATE passages SET version = version + 1, {columns} WHERE id = :id AND version = :version",  # noqa: S608
        {**values, **row._asdict()},
    )
    return updated.rowcount > 0


def _insert_row(database: sqlite3.Connection, values: dict[str, Any]) -> RowVersion:
    """Insert a row for a new passage. Return its number, and version 1."""
    names = ", ".join(values)
    placeholders = ", ".join(f":{name}" for name in values)
    inserted = database.execute(f"INSERT INTO passages(version, {names}) VALUES (1, {placeholders})", values)  # noqa: S608
    return RowVersion(int(inserted.lastrowid or 0), 1)
