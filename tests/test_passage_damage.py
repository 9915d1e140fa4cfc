"""An archive with one damaged value: all passages are listed, the others open, the damaged one is one line at most."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from afterglow.core.commands.passage_commands import list_passages
from afterglow.core.errors import AfterglowError
from afterglow.core.model import Model
from afterglow.core.paths import passage_db_file
from afterglow.core.session import passage_db, passage_json, saved_passages
from afterglow.core.session.passage_db import PassageSaver
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from hypothesis import example, given
from hypothesis import strategies as st

from .properties import examples

COLUMNS = {
    "passages": "id version changed format model model_sha256 rng cursor text settings",
    "nodes": "passage number head",
    "pieces": "passage node first tokens",
    "states": "passage node position start data",
}

DEEP = "[" * 100_000
BROKEN = [
    *(None, "", "x", 0, 1, -1, 7, 1.5, -1e300, 9e999, 1 << 31, (1 << 63) - 1, -(1 << 63)),
    *(b"", b"\xff\xfe", b"[]", bytes(5000), "\x00", "\ufffe", "null", "[]", "{}", "5", '"x"', "{", DEEP),
    *("9" * 400, "1" + "0" * 5000, "1e999", "NaN", '{"text": 5}', '{"text": ["a"]}', '{"temperature": [[]]}'),
    *('{"id": {}}', '{"parent": 0}', '{"x": []}', '{"rng": ' + "9" * 400 + "}"),
]


class Damage(NamedTuple):
    """A value in a table that is replaced, cut, or changed in one bit, after which it may be no UTF-8."""

    table: str
    column: str
    row: int
    kind: str
    value: object
    at: int
    bit: int


def damages() -> st.SearchStrategy[Damage]:
    columns = [(table, column) for table, names in COLUMNS.items() for column in names.split()]
    return st.builds(
        lambda place, *rest: Damage(*place, *rest),
        st.sampled_from(columns),
        st.integers(0, 40),
        st.sampled_from(["replaced", "cut", "changed"]),
        st.sampled_from(BROKEN),
        st.integers(0, 5000),
        st.integers(0, 7),
    )


def play(events: Iterable[object]) -> None:
    for _ in events:
        pass


@contextmanager
def home_at(folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AFTERGLOW_HOME", str(folder))
        yield


@pytest.fixture(scope="module")
def archive(tiny: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an archive of three passages with retries, undos and snapshots."""
    folder = tmp_path_factory.mktemp("archive")
    with home_at(folder):
        for seed in ("The lamp", "Überall 日本 🔥", "a \x00 \udcff"):
            session, saver = Session(tiny, Settings(rng=7, length=30)), PassageSaver()
            play(session.write_from(seed))
            for write in (session.retry, session.continue_):
                saver.save(session.passage)
                play(write())
            session.passage.undo()
            saver.save(session.passage)
    return folder


def contents(number: int) -> str:
    return passage_json.to_json(passage_db.load(number).passage)


def inflict(damage: Damage) -> int:
    """Damage the archive, unless the database refuses. Return the number of the passage that the row belongs to."""
    owner = "id" if damage.table == "passages" else "passage"
    with closing(sqlite3.connect(passage_db_file())) as database, database:
        database.text_factory = bytes
        query = f"SELECT rowid, {owner}, {damage.column}, typeof({damage.column}) FROM {damage.table}"  # noqa: S608
        rows = database.execute(query).fetchall()
        row, number, old, kind = rows[damage.row % len(rows)]
        new = damage.value
        if damage.kind != "replaced" and isinstance(old, bytes) and old:
            at = damage.at % len(old)
            new = old[:at] if damage.kind == "cut" else old[:at] + bytes([old[at] ^ 1 << damage.bit]) + old[at + 1 :]
            kind = kind.decode()
        value = "CAST(? AS TEXT)" if kind == "text" else "?"
        change = f"UPDATE {damage.table} SET {damage.column} = {value} WHERE rowid = ?"  # noqa: S608
        with suppress(sqlite3.IntegrityError):
            database.execute(change, (new, row))
    return int(number)


def open_and_go_on(model: Model, name: str) -> str:
    """Open a passage, write three characters and autosave. Return the error, "" if there is none."""
    session = Session(model, Settings(rng=1, length=3))
    try:
        session.load_passage(saved_passages.load(saved_passages.find_one(name)))
        play(session.continue_())
        PassageSaver().save(session.passage)
    except AfterglowError as error:
        return str(error)
    return ""


@given(damages())
@example(Damage("passages", "text", 1, "changed", None, 3, 7))
@example(Damage("passages", "text", 1, "replaced", b"\xff", 0, 0))
@example(Damage("passages", "version", 1, "replaced", "x", 0, 0))
@example(Damage("passages", "version", 1, "replaced", (1 << 63) - 1, 0, 0))
@example(Damage("passages", "changed", 1, "replaced", 9e300, 0, 0))
@example(Damage("passages", "changed", 1, "replaced", "x", 0, 0))
@example(Damage("nodes", "head", 1, "replaced", "[]", 0, 0))
@example(Damage("pieces", "tokens", 1, "replaced", "[]", 0, 0))
@example(Damage("states", "node", 1, "replaced", "x", 0, 0))
@examples(150)
def test_one_damaged_value_hides_no_other_passage(archive: Path, tiny: Model, damage: Damage) -> None:
    damaged = shutil.copytree(archive, archive.with_name("damaged"), dirs_exist_ok=True)
    with home_at(damaged):
        before = {number: contents(number) for number in (1, 2, 3)}
        others = {1, 2, 3} - {inflict(damage)}
        assert len(list_passages()) == 3
        assert list_passages("no such word") == []
        if damage.column != "passage":  # or else the row belongs to another passage now
            assert {number: contents(number) for number in others} == {number: before[number] for number in others}
        assert all("\n" not in open_and_go_on(tiny, name) for name, _ in list_passages())
