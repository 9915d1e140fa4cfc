"""A data folder in which nothing can be written: every front end starts, plays, says it once, and can be left."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from afterglow.core import presets
from afterglow.core.errors import StorageError
from afterglow.core.paths import data_dir
from afterglow.core.session import passage_db, passage_tables, saved_passages
from afterglow.core.session.passage_db import PassageSaver
from afterglow.core.session.session import Session
from afterglow.repl.autosave import Autosave
from afterglow.repl.line.repl import LineRepl
from afterglow.repl.line.script import run_script
from afterglow.repl.tui.app import AfterglowApp
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output.plain_text import PlainTextOutput

from .cli_helpers import RunCli
from .tui_helpers import SIZE, play, press, transcript_text


@pytest.fixture
def unwritable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder that cannot be made, for root neither: there is a file in its place."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("AFTERGLOW_HOME", str(tmp_path / "file" / "home"))
    return data_dir()


@pytest.fixture
def read_only(session: Session, monkeypatch: pytest.MonkeyPatch) -> str:
    """A saved passage's text, in a folder that can only be read from then on."""
    for _ in session.write_from("The lamp"):
        pass
    PassageSaver().save(session.passage)

    def refuse(path: Path) -> Path:
        raise StorageError(f"cannot write {path}: read-only file system")

    monkeypatch.setattr(passage_tables, "private_file", refuse)
    return session.passage.text()


@pytest.mark.usefixtures("unwritable")
async def test_the_full_screen_plays_and_says_it_once(app: AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "The lamp")
        await play(pilot, "The ship")
        app.theme = "textual-light"
        await press(pilot, "up")
        assert app.session.passage.text().startswith("The ship")
        assert transcript_text(app).count("not autosaved") == 1
        await app.autosave.save_in_thread()
    app.autosave.save_now()  # what is known already is no error on leaving


@pytest.mark.usefixtures("unwritable")
async def test_the_line_repl_plays_and_says_it_once(session: Session) -> None:
    session.set("speed", 0)
    printed = io.StringIO()
    with create_pipe_input() as keyboard, create_app_session(input=keyboard, output=PlainTextOutput(printed)):
        keyboard.send_text("/quit\r")
        await LineRepl(session).run("The ship")
    assert printed.getvalue().count("not autosaved") == 1
    assert session.passage.tokens()


@pytest.mark.usefixtures("unwritable")
def test_a_script_runs_without_a_word_about_it(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_script(session, ["The lamp", "/open", "/preset wild"]) == 0
    assert "cannot" not in capsys.readouterr().err


@pytest.mark.usefixtures("unwritable")
def test_commands_run(run: RunCli) -> None:
    assert run("generate", "The lamp", "--rng", "7").code == 0
    assert run("models").code == 0


def test_a_failure_that_was_not_said_yet_is_one_on_leaving(session: Session, unwritable: Path) -> None:
    for _ in session.write_from("The lamp"):
        pass
    autosave = Autosave(session, print, print, print)
    with pytest.raises(StorageError, match=str(unwritable)):
        autosave.save_now()


def test_what_can_be_read_is_listed_and_opened(read_only: str, session: Session) -> None:
    (found,) = saved_passages.search("lamp")
    assert saved_passages.load(found).passage.text() == read_only
    for _ in session.write_from("and then"):
        pass
    with pytest.raises(StorageError, match="read-only file system"):
        PassageSaver().save(session.passage)


def test_an_empty_file_as_a_full_disk_leaves_it_is_an_empty_archive(home: Path) -> None:
    home.mkdir()
    passage_db.passage_db_file().touch()
    assert saved_passages.search() == []
    assert passage_db.passage_db_file().stat().st_size == 0


def test_presets_are_there_but_cannot_be_saved(unwritable: Path, session: Session) -> None:
    assert "wild" in presets.load_all()
    with pytest.raises(StorageError, match=str(unwritable)):
        presets.save("mine", session.settings)
