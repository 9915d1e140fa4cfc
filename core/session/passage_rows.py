"""The rows of an autosaved passage, read from the database and checked."""

from __future__ import annotations

import sqlite3
from itertools import starmap
from typing import Any, NamedTuple

from ..bounded_json import parse_json
from .passage import RowVersion
from .passage_json import FORMAT_ERRORS, from_dict, max_values, token_columns
from .stored_passage import StoredPassage, StoredSnapshot

MAX_VERSION = 1 << 62
"""Version above which a row is damaged. Each save increases it by 1."""

_HEADER = ("format", "model", "model_sha256", "rng", "cursor", "settings", "version")

_Row = tuple[Any, ...]


class PassageRows(NamedTuple):
    """Rows as SQLite returns them, texts as bytes: a passage's own row, and those of nodes, tokens and snapshots."""

    header: _Row
    nodes: list[_Row]
    blocks: list[_Row]
    states: list[_Row]

    @classmethod
    def read(cls, database: sqlite3.Connection, number: int) -> PassageRows | None:
        """Return the rows of passage ``number``, None if there is none."""
        database.text_factory = bytes  # so that a text in a wrong encoding damages one passage only
        header = database.execute(f"SELECT {', '.join(_HEADER)} FROM passages WHERE id = ?", (number,)).fetchone()  # noqa: S608
        if header is None:
            return None
        queries = (
            "SELECT number, head FROM nodes WHERE passage = ? ORDER BY number",
            "SELECT node, first, tokens FROM pieces WHERE passage = ? ORDER BY node, first",
            "SELECT node, start, data FROM states WHERE passage = ?",
        )
        return cls(header, *(database.execute(query, (number,)).fetchall() for query in queries))

    def to_passage(self, number: int) -> StoredPassage:
        """Return the passage that the rows hold. Damaged settings, snapshots and versions are left out.

        Raises one of ``FORMAT_ERRORS`` if anything else is damaged.
        """
        passage = from_dict(self._to_dict())
        snapshots = filter(None, starmap(StoredSnapshot.from_row, self.states))
        valid = [snapshot for snapshot in snapshots if snapshot.node < len(passage.nodes)]
        version = self.header[-1]
        if type(version) is int and 0 <= version < MAX_VERSION:
            passage.row = RowVersion(number, version)
        # Without a version the next save adds a row, as for a copy.
        return StoredPassage(passage, valid)

    def _to_dict(self) -> dict[str, Any]:
        """Return the rows in the form of a saved passage's JSON."""
        named = dict(zip(_HEADER, self.header, strict=True))
        heads = [_parse_object(head) for _, head in self.nodes]
        if [number for number, _ in self.nodes] != list(range(len(heads))):
            raise ValueError
        return {
            **named,
            "model": _decode(named["model"]),
            "model_sha256": _decode(named["model_sha256"]),
            "settings": _parse_settings(named["settings"]),
            "nodes": [{**head, "tokens": columns} for head, columns in zip(heads, self._join_blocks(), strict=True)],
        }

    def _join_blocks(self) -> list[dict[str, list[Any]]]:
        """Return the token columns of each node."""
        columns = {number: token_columns([]) for number in range(len(self.nodes))}
        for node, first, tokens in self.blocks:
            if first != len(columns[node]["id"]):
                raise ValueError
            for name, values in _parse_object(tokens).items():
                columns[node][name] += values
        return list(columns.values())


def _parse_object(text: object) -> dict[str, Any]:
    """Return the JSON object in a column. Raises TypeError or ValueError if there is none."""
    value = parse_json(text, max_values(text)) if isinstance(text, bytes) else None
    if not isinstance(value, dict):
        raise TypeError
    return value


def _parse_settings(text: object) -> dict[str, Any] | None:
    try:
        return _parse_object(text)
    except FORMAT_ERRORS:
        return None


def _decode(text: object) -> str | None:
    return text.decode() if isinstance(text, bytes) else None
