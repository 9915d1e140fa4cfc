"""A file of autosaved passages that is none: kept under another name, said with both paths, and autosave goes on."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from afterglow.core.commands.registry import dispatch
from afterglow.core.errors import StorageError
from afterglow.core.paths import passage_db_file
from afterglow.core.session import passage_db, passage_json, passage_tables
from afterglow.core.session.passage_db import PassageSaver, search_passages
from afterglow.core.session.session import Session
from afterglow.repl.line.repl import LineRepl
from afterglow.repl.line.script import run_script
from afterglow.repl.tui.app import AfterglowApp
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output.plain_text import PlainTextOutput

from .tui_helpers import SIZE, play, transcript_text, until


def spoil_all(path: Path) -> None:
    path.write_bytes(b"not a database " * 100)


def spoil_tables(path: Path) -> None:
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE passages(of, another, program)")
        database.execute("PRAGMA user_version = 99")
    database.close()


def spoil_place(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def spoil_nothing(_: Path) -> None:
    with passage_tables.open_database():
        pass


def spoil_schema(path: Path) -> None:
    spoil_nothing(path)
    data = bytearray(path.read_bytes())
    data[100:1000] = b"\xff" * 900
    path.write_bytes(data)


WAYS = pytest.mark.parametrize("spoil", [spoil_all, spoil_tables, spoil_schema, spoil_place])


@pytest.fixture(autouse=True)
def _no_notices() -> Iterator[None]:
    """Leave no notices to other tests."""
    yield
    passage_tables.take_notices()


@pytest.fixture
def archive(home: Path) -> Path:
    home.mkdir()
    return passage_db_file()


def write(session: Session, seed: str) -> None:
    for _ in session.write_from(seed):
        pass


def aside(number: int = 1) -> Path:
    return passage_db_file().with_name(f"passages.damaged-{number}.sqlite")


@WAYS
def test_it_is_kept_under_another_name_and_told_once(spoil: Callable[[Path], None], archive: Path) -> None:
    for number in (1, 2):
        spoil(archive)
        before = archive.stat()
        assert search_passages() == []
        assert (aside(number).stat().st_ino, aside(number).stat().st_size) == (before.st_ino, before.st_size)
        (notice,) = passage_tables.take_notices()
        assert f"{archive} is damaged (" in notice
        assert f"kept as {aside(number)}," in notice
    assert passage_tables.take_notices() == []


@WAYS
def test_autosave_goes_on_with_the_whole_passage(
    spoil: Callable[[Path], None], archive: Path, session: Session
) -> None:
    saver = PassageSaver()
    write(session, "The lamp")
    saver.save(session.passage)
    spoil(archive)
    search_passages()
    assert saver.save(session.passage) is None  # also if nothing has changed since
    assert passage_db.load(1).passage.text() == session.passage.text()


def test_a_file_put_in_its_place_keeps_its_own_passage(archive: Path, session: Session) -> None:
    write(session, "The mill")
    PassageSaver().save(session.passage)
    other_text, another = session.passage.text(), archive.read_bytes()
    archive.unlink()
    session = Session(session.model, session.settings)
    saver = PassageSaver()
    write(session, "The lamp")
    saver.save(session.passage)
    archive.write_bytes(another)  # the same inode, and a passage of the same number and version
    list(session.continue_())
    assert saver.save(session.passage) is None
    texts = [passage_db.load(number).passage.text() for number in (1, 2)]
    assert texts == [other_text, session.passage.text()]


def test_damage_found_while_saving_costs_one_save(archive: Path, session: Session) -> None:
    saver = PassageSaver()
    write(session, "The lamp")
    saver.save(session.passage)
    with sqlite3.connect(archive) as database:
        page = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'pieces'").fetchone()[0]
        size = database.execute("PRAGMA page_size").fetchone()[0]
    database.close()
    data = bytearray(archive.read_bytes())
    data[(page - 1) * size : page * size] = b"\xff" * size
    archive.write_bytes(data)
    write(session, "and then")
    with pytest.raises(StorageError, match="malformed"):
        saver.save(session.passage)
    assert saver.save(session.passage) is None
    assert len(passage_tables.take_notices()) == 1
    assert passage_db.load(1).passage.text() == session.passage.text()


def test_a_file_that_another_process_has_replaced_meanwhile_stays(archive: Path) -> None:
    spoil_nothing(archive)
    passage_tables._put_aside(archive, sqlite3.DatabaseError("file is not a database"))
    assert archive.exists()
    assert passage_tables.take_notices() == []


def test_a_file_that_is_only_locked_stays(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil_nothing(archive)
    monkeypatch.setattr(passage_tables, "BUSY_TIMEOUT", 0.0)
    with sqlite3.connect(archive) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageError, match="locked"):
            search_passages()
    other.close()
    assert not aside().exists()


async def test_the_full_screen_says_it_and_lists_what_save_kept(
    archive: Path, app: AfterglowApp, session: Session
) -> None:
    write(session, "The lamp")
    passage_json.save(session.passage, "kept")
    spoil_all(archive)
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: str(aside()) in transcript_text(app).replace("\n", ""))
        assert "kept" in str([*dispatch(session, "/open")])
        await play(pilot, "The ship")
        assert search_passages("ship")[0].text == session.passage.text()


async def test_the_line_repl_says_it(archive: Path, session: Session) -> None:
    spoil_all(archive)
    printed = io.StringIO()
    with create_pipe_input() as keyboard, create_app_session(input=keyboard, output=PlainTextOutput(printed)):
        keyboard.send_text("/open\r/quit\r")
        await LineRepl(session).run()
    shown = printed.getvalue().replace("\r\n", " ")
    assert f"{archive} is damaged" in shown
    assert f"kept as {aside()}," in shown


def test_a_script_says_it(archive: Path, session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    spoil_all(archive)
    assert run_script(session, ["/open"]) == 0
    assert str(aside()) in capsys.readouterr().err
