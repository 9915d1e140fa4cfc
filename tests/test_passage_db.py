"""Autosave: what is there after a process was killed, what two windows do to one passage, a full disk, a bad file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from afterglow.core.commands.passage_commands import list_passages
from afterglow.core.errors import StorageError
from afterglow.core.model import Model
from afterglow.core.paths import passage_db_file
from afterglow.core.session import passage_db, passage_json, saved_passages
from afterglow.core.session.lens import inspect_session
from afterglow.core.session.passage import Passage
from afterglow.core.session.passage_db import PassageSaver
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings

from .tui_helpers import limit_file_size

DATA = Path(__file__).parent / "data"


def play(events: Iterable[object]) -> None:
    for _ in events:
        pass


def bare(passage: Passage) -> str:
    return passage_json.to_json(passage)


def test_a_passage_comes_back_with_tree_cursor_and_dice(written: Session, tiny: Model) -> None:
    PassageSaver().save(written.passage)
    again = Session(tiny, Settings(length=60))
    assert again.load_passage(passage_db.load(1)) is None
    assert bare(again.passage) == bare(written.passage)
    for session in (written, again):
        session.passage.redo()
        play(session.continue_())
    assert again.passage.text() == written.passage.text()


@pytest.mark.parametrize("field", ["model", "model_sha256"])
def test_a_passage_of_a_model_whose_name_is_no_text_is_saved(field: str, written: Session) -> None:
    """A file's name with a byte that is not UTF-8, or a passage from elsewhere, can hold a lone surrogate."""
    setattr(written.passage, field, "tiny\ud800")
    keeper = PassageSaver()
    keeper.save(written.passage)
    assert keeper.save(written.passage) is None
    assert getattr(passage_db.load(1).passage, field) == "tiny?"
    assert passage_db.load(1).passage.text() == written.passage.text()


def test_it_is_kept_while_it_grows_and_only_what_is_new_is_written(session: Session) -> None:
    keeper = PassageSaver()
    for number, _ in enumerate(session.write_from("The lamp")):
        if number % 7 == 0:
            keeper.save(session.passage)
            assert bare(passage_db.load(1).passage) == bare(session.passage)
    keeper.save(session.passage)
    with sqlite3.connect(passage_db_file()) as database:
        pieces = [first for (first,) in database.execute("SELECT first FROM pieces ORDER BY first")]
    database.close()
    assert pieces == [0, 1, 8, 15, 22, 29, 36, 43, 50, 57] or pieces == [1, 8, 15, 22, 29, 36, 43, 50, 57]
    assert bare(passage_db.load(1).passage) == bare(session.passage)


def test_each_passage_has_a_number_of_its_own(session: Session) -> None:
    keeper = PassageSaver()
    for seed in ("One", "Two", "Three"):
        play(session.write_from(seed))
        keeper.save(session.passage)
    assert [entry.text[:3] for entry in passage_db.search_passages()] == ["Thr", "Two", "One"]
    assert [passage_db.load(n).passage.text()[:3] for n in (1, 2, 3)] == ["One", "Two", "Thr"]


def test_an_opened_passage_goes_on_under_its_number(written: Session, tiny: Model) -> None:
    PassageSaver().save(written.passage)
    again = Session(tiny, Settings(length=60))
    again.load_passage(passage_db.load(1))
    play(again.continue_())
    keeper = PassageSaver()
    assert keeper.save(again.passage) is None
    assert len(passage_db.search_passages()) == 1
    assert bare(passage_db.load(1).passage) == bare(again.passage)


def test_a_passage_begun_after_an_opened_one_has_a_row_of_its_own(written: Session, tiny: Model) -> None:
    PassageSaver().save(written.passage)
    again = Session(tiny, Settings(length=60))
    again.load_passage(passage_db.load(1))
    saver = PassageSaver()
    saver.save(again.passage)
    play(again.write_from("Another"))
    saver.save(again.passage)
    assert bare(passage_db.load(1).passage) == bare(written.passage)
    assert bare(passage_db.load(2).passage) == bare(again.passage)


def test_any_seed_comes_back(session: Session) -> None:
    play(session.write_from('“Grüße”\n\t日本 🔥 \x00 \u2028 \\ " \udcff'))
    PassageSaver().save(session.passage)
    assert bare(passage_db.load(1).passage) == bare(session.passage)


def test_an_empty_passage_is_not_kept(session: Session) -> None:
    PassageSaver().save(session.passage)
    assert passage_db.search_passages() == []


def test_search_finds_text_anywhere_and_takes_signs_as_they_are(session: Session) -> None:
    keeper = PassageSaver()
    for seed in ("100% lamp", "a_b lamp", "Sea", "ÜBERALL"):
        play(session.write_from(seed))
        keeper.save(session.passage)
    assert [e.text[:3] for e in passage_db.search_passages("100%")] == ["100"]
    assert [e.text[:3] for e in passage_db.search_passages("a_b")] == ["a_b"]
    assert [e.text[:3] for e in passage_db.search_passages("SEA")][:1] == ["Sea"]
    assert [e.text[:7] for e in passage_db.search_passages("überall")] == ["ÜBERALL"]
    assert len(passage_db.search_passages()) == 4
    assert passage_db.search_passages("nowhere at all") == []


def test_a_word_that_occurs_once_is_a_name(session: Session) -> None:
    keeper = PassageSaver()
    for seed in ("Zebra one", "Zebra two", "Quagga"):
        play(session.write_from(seed))
        keeper.save(session.passage)
    assert saved_passages.load(saved_passages.find_one("quagga")).passage.text().startswith("Quagga")
    assert saved_passages.load(saved_passages.find_one("#1")).passage.text().startswith("Zebra one")
    with pytest.raises(StorageError, match="several passages"):
        saved_passages.find_one("zebra")
    with pytest.raises(StorageError, match="no passage #9"):
        saved_passages.find_one("#9")


def test_what_was_saved_under_a_name_still_opens(written: Session) -> None:
    passage_json.save(written.passage, "7")
    assert bare(saved_passages.load(saved_passages.find_one("7")).passage) == bare(written.passage)
    assert [name for name, _ in list_passages()] == ["7"]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_nobody_else_reads_it(written: Session) -> None:
    PassageSaver().save(written.passage)
    files = list(passage_db_file().parent.glob("passages.sqlite*"))
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


# What goes wrong ----------------------------------------------------------------------------------------------------


def test_two_windows_on_one_passage_lose_nothing(written: Session, tiny: Model) -> None:
    PassageSaver().save(written.passage)
    windows = [Session(tiny, Settings(length=60)) for _ in range(2)]
    keepers = [PassageSaver(), PassageSaver()]
    for window in windows:
        window.load_passage(passage_db.load(1))
    play(windows[0].continue_())
    play(windows[1].retry())
    told = [keeper.save(window.passage) for keeper, window in zip(keepers, windows, strict=True)]
    assert told[0] is None
    assert told[1]
    assert "copy, #2" in told[1]
    assert [bare(passage_db.load(n).passage) for n in (1, 2)] == [bare(window.passage) for window in windows]
    play(windows[1].continue_())
    assert keepers[1].save(windows[1].passage) is None
    assert bare(passage_db.load(2).passage) == bare(windows[1].passage)


def test_two_processes_that_write_at_once_each_keep_theirs() -> None:
    code = """
import sys
from afterglow.core.session.passage_db import PassageSaver
from afterglow.core.events import Token
from afterglow.core.session.node import Node
from afterglow.core.session.passage import Passage
passage, keeper = Passage("m", "", 7), PassageSaver()
passage.add(Node(None, seed=sys.argv[1]))
passage.add(Node(0))
for n in range(40):
    passage.nodes[1].tokens.append(Token("x", 1, -1.0, -1.0, 1, 1.0, 1.0))
    keeper.save(passage)
"""
    processes = [subprocess.Popen([sys.executable, "-c", code, name]) for name in ("one ", "two ")]  # noqa: S603
    assert [process.wait(60) for process in processes] == [0, 0]
    assert {passage_db.load(n).passage.text() for n in (1, 2)} == {"one " + "x" * 40, "two " + "x" * 40}


def test_a_save_keeps_other_writers_out_from_its_first_statement_on(
    written: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or else two processes that upgrade a file at once would both have read its old version."""
    refused: list[str] = []

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        database = sqlite3.Connection(*arguments, **options)
        database.set_trace_callback(lambda _: refused.append(try_to_write()) if database.in_transaction else None)
        return database

    def try_to_write() -> str:
        with closing(sqlite3.Connection(passage_db_file(), timeout=0, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                return str(error)
        return "got in"

    monkeypatch.setattr("afterglow.core.session.passage_tables.sqlite3.connect", connect)
    PassageSaver().save(written.passage)
    assert len(refused) > 10  # the tables were made, and rows were written
    assert set(refused) == {"database is locked"}


def test_a_full_disk_is_said_and_what_was_missed_is_written_later(session: Session) -> None:
    keeper = PassageSaver()
    play(session.write_from("The lamp"))
    keeper.save(session.passage)
    before = bare(session.passage)
    play(session.continue_())
    with limit_file_size(8192), pytest.raises(StorageError, match=r"cannot use .*passages\.sqlite"):
        keeper.save(session.passage)
    assert bare(passage_db.load(1).passage) == before
    assert keeper.save(session.passage) is None
    assert bare(passage_db.load(1).passage) == bare(session.passage)


def test_after_a_failed_save_all_of_the_text_can_be_searched(session: Session) -> None:
    saver = PassageSaver()
    events = session.write_from("The lamp")
    for count in (10, 20):
        for _ in range(count):
            next(events)
        if count == 10:
            saver.save(session.passage)
    with limit_file_size(8192), pytest.raises(StorageError):
        saver.save(session.passage)
    saver.save(session.passage)
    assert [entry.text for entry in passage_db.search_passages()] == [session.passage.text()]
    session.stop()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE nodes SET head = '{'",
        "UPDATE nodes SET head = '[]'",
        "UPDATE pieces SET tokens = '{\"text\": [1]}'",
        "UPDATE passages SET cursor = 99",
        "UPDATE passages SET rng = 'x'",
        "UPDATE passages SET format = 2",
        "DELETE FROM nodes WHERE number = 0",
    ],
)
def test_damaged_rows_are_one_line(statement: str, written: Session) -> None:
    PassageSaver().save(written.passage)
    with sqlite3.connect(passage_db_file()) as database:
        database.execute(statement)
    database.close()
    with pytest.raises(StorageError, match=r"passage #1 .* is damaged"):
        passage_db.load(1)


def test_the_folder_is_made(written: Session, home: Path) -> None:
    assert not home.exists()
    PassageSaver().save(written.passage)
    assert (home / "passages.sqlite").exists()


def test_what_is_set_is_there_again_even_if_nothing_was_written_since(written: Session, tiny: Model) -> None:
    keeper = PassageSaver()
    keeper.save(written.passage)
    written.set("temperature", 1.25)
    written.set("heat", "entropy")
    keeper.save(written.passage)
    again = Session(tiny, Settings(length=99))
    again.load_passage(passage_db.load(1))
    assert (again.settings.temperature, again.settings.heat, again.settings.length) == (1.25, "entropy", 60)


def test_an_archive_of_the_first_release_opens_and_goes_on(tiny: Model, home: Path) -> None:
    home.mkdir()
    shutil.copy(DATA / "kept" / "first.sqlite", passage_db_file())
    session = Session(tiny, Settings(length=20, top_k=2))
    session.load_passage(passage_db.load(1))
    assert session.settings.top_k == 2
    session.passage.redo()
    play(session.continue_())
    PassageSaver().save(session.passage)
    assert bare(passage_db.load(1).passage) == bare(session.passage)
    again = Session(tiny)
    again.load_passage(passage_db.load(1))
    assert again.settings.top_k == 2
    assert len(again.passage.tokens()) == 40


def test_a_passage_goes_on_where_it_was_left_without_being_read_again(
    tiny: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = Session(tiny, Settings(rng=7, length=300))
    keeper = PassageSaver()
    for number, _ in enumerate(left.write_from("The lamp " * 40)):
        if number % 50 == 0:
            keeper.save(left.passage)
    play(left.continue_())
    play(left.retry())
    keeper.save(left.passage)
    steps = []
    advanced = Model.advance
    counted = lambda model, start, ids: steps.append(len(ids)) or advanced(model, start, ids)  # noqa: E731
    monkeypatch.setattr(Model, "advance", counted)
    monkeypatch.setattr(Model, "read", None)
    again = Session(tiny)
    again.load_passage(passage_db.load(1))
    assert inspect_session(again)
    assert sum(steps) < 64
    assert tiny.dump_state(again.current_snapshot()) == tiny.dump_state(left.current_snapshot())
    for session in (left, again):
        play(session.continue_())
    assert again.passage.text() == left.passage.text()
    PassageSaver().save(again.passage)
    assert passage_db.load(1).passage.text() == left.passage.text()


@pytest.mark.parametrize("damage", ["x'00'", "substr(data, 1, 100)", "'text'", "zeroblob(4000)"])
def test_a_damaged_state_is_read_anew(damage: str, written: Session, tiny: Model) -> None:
    PassageSaver().save(written.passage)
    with sqlite3.connect(passage_db_file()) as database:
        assert database.execute(f"UPDATE states SET data = {damage}").rowcount  # noqa: S608
    database.close()
    again = Session(tiny, Settings(length=60))
    again.load_passage(passage_db.load(1))
    for session in (written, again):
        play(session.continue_())
    assert again.passage.text() == written.passage.text()


def test_a_state_of_tokens_that_were_not_kept_is_left_alone(session: Session, tiny: Model) -> None:
    """As a process that is killed between two saves leaves it: the state is ahead of the tokens."""
    keeper = PassageSaver()
    for number, _ in enumerate(session.write_from("The lamp")):
        if number == 30:
            keeper.save(session.passage)
    keeper.save(session.passage)
    with sqlite3.connect(passage_db_file()) as database:
        assert database.execute("DELETE FROM pieces WHERE first > 0").rowcount
    database.close()
    again = Session(tiny, Settings(length=60))
    again.load_passage(passage_db.load(1))
    count = len(again.passage.tokens())
    assert 0 < count < 60
    assert again.current_snapshot().position == len("The lamp") + count
    play(again.continue_())
    assert again.passage.tokens()[count].text
