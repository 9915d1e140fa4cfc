"""Passages that are found, renamed, deleted and brought back, autosaved ones and those saved under a name alike."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest
from afterglow.core.commands.effects import Ask, Effect, Listing, Notice, Play, Redraw
from afterglow.core.commands.passage_commands import list_passages
from afterglow.core.commands.registry import dispatch
from afterglow.core.errors import CommandError, StorageError, UsageError
from afterglow.core.model import Model
from afterglow.core.paths import passage_db_file
from afterglow.core.session import passage_db, passage_files, passage_json, saved_passages
from afterglow.core.session.passage_db import PassageSaver
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings

from .cli_helpers import RunCli
from .conftest import DATA


def run_line(session: Session, line: str, agree: bool = True) -> list[Effect]:
    """Run a line as a front end does, answering each question. Return its effects."""
    effects: list[Effect] = []
    for effect in dispatch(session, line):
        effects.append(effect)
        if isinstance(effect, Play):
            list(effect.events)
        if isinstance(effect, Ask) and agree:
            effects += effect.on_yes()
    return effects


def notes(effects: list[Effect]) -> str:
    return "\n".join(effect.text for effect in effects if isinstance(effect, Notice | Redraw))


def rows() -> list[str]:
    return [name for name, _ in list_passages()]


@pytest.fixture
def three(session: Session) -> Session:
    """A session of three passages: #1 about a zebra, #2 about a quagga, and a file called "stripes" about a tapir."""
    saver = PassageSaver()
    session.set("length", 5)
    run_line(session, "Tapir of the wood")
    run_line(session, "/save stripes")
    for seed in ("Zebra of the plain", "Quagga of the plain"):
        run_line(session, seed)
        saver.save(session.passage)
    return session


# Finding ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("quagga", ["#2"]),
        ("PLAIN zebra", ["#1"]),
        ("plain", ["#2", "#1"]),
        ("wood", ["stripes"]),
        ("stripe", ["stripes"]),
        ("of the", ["#2", "#1", "stripes"]),
    ],
)
@pytest.mark.usefixtures("three")
def test_a_word_finds_named_and_autosaved_passages_alike(query: str, found: list[str]) -> None:
    assert [name for name, _ in list_passages(query)] == found


@pytest.mark.parametrize(("query", "text"), [("zebra", "Zebra"), ("wood", "Tapir"), ("#2", "Quagga"), ("2", "Quagga")])
def test_open_opens_the_only_one_that_is_found(query: str, text: str, three: Session) -> None:
    run_line(three, "/new")
    run_line(three, f"/open {query}")
    assert three.passage.text().startswith(text)


def test_open_lists_the_found_ones_if_there_are_several(three: Session) -> None:
    (listing,) = run_line(three, "/open plain")
    assert isinstance(listing, Listing)
    assert listing.query == "plain"
    assert [name for name, _ in listing.rows] == ["#2", "#1"]
    assert three.passage.text().startswith("Quagga")


@pytest.mark.usefixtures("three")
def test_a_query_that_is_no_utf8_finds_nothing() -> None:
    with pytest.raises(StorageError, match="no passage has"):
        saved_passages.find_one("zebra\ud800")


def test_the_whole_name_of_an_autosaved_passage_is_found_before_words(three: Session) -> None:
    run_line(three, "/rename #1 plain")
    assert saved_passages.find_one("plain").key == "#1"
    run_line(three, "/rename #2 plain")
    assert len(saved_passages.find("plain")) == 2


def test_a_number_that_no_passage_has_is_searched_as_a_word(three: Session) -> None:
    run_line(three, "In 1984 a clock struck")
    PassageSaver().save(three.passage)
    run_line(three, "/new")
    run_line(three, "/open 1984")
    assert three.passage.text().startswith("In 1984")


def test_a_named_file_is_read_once_however_often_it_is_searched(
    three: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = list[str]()
    monkeypatch.setattr(passage_files, "from_json", lambda text: read.append(text) or passage_json.from_json(text))
    run_line(three, "/save twice")
    for query in ("", "quagga", "nothing of this", "quagga"):
        list_passages(query)
    assert len(read) == 2


def test_a_file_that_cannot_be_read_is_found_by_its_name(three: Session) -> None:
    passage_json.path_for("broken").write_text("{", "utf-8")
    assert [name for name, _ in list_passages("broken")] == ["broken"]
    with pytest.raises(StorageError, match="not a passage"):
        run_line(three, "/open broken")


def test_a_whole_name_is_found_before_others_that_contain_it(three: Session) -> None:
    run_line(three, "/save stripes of the plain")
    assert saved_passages.find_one("stripes").text.startswith("Tapir")
    with pytest.raises(StorageError, match="several passages contain 'stripe'; /open stripe lists them"):
        saved_passages.find_one("stripe")


@pytest.mark.usefixtures("three")
def test_the_latest_is_the_one_that_was_changed_last_of_either_kind() -> None:
    changed = saved_passages.find_one("#2").changed
    for seconds, latest in ((-60, "#2"), (60, "stripes")):
        os.utime(passage_json.path_for("stripes"), (changed + seconds, changed + seconds))
        assert saved_passages.find_latest().key == latest


# Renaming -----------------------------------------------------------------------------------------------------------


def test_a_renamed_passage_is_found_by_its_name_and_stays_one(three: Session) -> None:
    assert notes(run_line(three, "/rename night ride")).endswith("is now called 'night ride'")
    assert dict(list_passages("night"))["#2"].startswith("night ride · Quagga")
    run_line(three, "")
    PassageSaver().save(three.passage)
    assert rows()[0] == "#2"
    run_line(three, "/new")
    run_line(three, "/open night ride")
    assert three.passage.text().startswith("Quagga")


def test_another_passage_is_renamed_by_its_number(three: Session) -> None:
    run_line(three, "/rename #1 horse of the plain")
    assert dict(list_passages())["#1"].startswith("horse of the plain · Zebra")


def test_a_file_is_renamed_and_replaces_no_other_one_unless_forced(three: Session) -> None:
    run_line(three, "/save other")
    with pytest.raises(UsageError, match="another passage 'other'; choose another name, or /rename!"):
        run_line(three, "/rename stripes other")
    run_line(three, "/rename stripes stripes")
    run_line(three, '/rename stripes "new one"')
    assert set(passage_json.list_names()) == {"other", "new one"}
    run_line(three, '/rename! "new one" other')
    assert passage_json.list_names() == ["other"]
    assert passage_json.load("other").text().startswith("Tapir")


def test_an_open_file_that_was_renamed_is_saved_under_its_new_name(session: Session) -> None:
    run_line(session, "The lamp")
    run_line(session, "/save first")
    run_line(session, "/rename second")
    run_line(session, "")
    run_line(session, "/save second")
    assert passage_json.list_names() == ["second"]
    assert passage_json.load("second").text() == session.passage.text()


def test_a_passage_that_is_not_saved_has_no_name(session: Session) -> None:
    run_line(session, "The lamp")
    with pytest.raises(CommandError, match="not saved; /save saves it"):
        run_line(session, "/rename lamp")


# Deleting -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["#1", "stripes"])
def test_delete_asks_and_undelete_brings_back(key: str, three: Session) -> None:
    before, text = list_passages(), three.passage.text()
    run_line(three, f"/delete {key}", agree=False)
    assert list_passages() == before
    assert "/undelete brings it back" in notes(run_line(three, f"/delete {key}"))
    assert rows() == [name for name, _ in before if name != key]
    run_line(three, "/undelete")
    assert rows() == [name for name, _ in before]
    assert three.passage.text() == text
    run_line(three, f"/open {key}")
    assert three.passage.nodes


def test_the_open_passage_is_not_written_again_after_it_was_deleted(three: Session) -> None:
    saver, passage = PassageSaver(), three.passage
    saver.save(passage)
    run_line(three, "/delete")
    saver.save(three.passage)
    saver.save(passage)
    assert three.passage.nodes == []
    assert rows() == ["#1", "stripes"]


def test_a_save_in_another_thread_does_not_write_it_either(three: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    saver = PassageSaver()
    saver.save(three.passage)
    run_line(three, "")
    changed = passage_db._PassageWriter.has_changed

    def delete_meanwhile(writer: passage_db._PassageWriter) -> bool:
        has_changed = changed(writer)
        run_line(three, "/delete!")
        return has_changed

    monkeypatch.setattr(passage_db._PassageWriter, "has_changed", delete_meanwhile)
    assert saver.save(three.passage) is None
    assert rows() == ["#1", "stripes"]


def test_the_open_passage_comes_back_as_it_was_and_goes_on_under_its_number(three: Session) -> None:
    saver, text = PassageSaver(), passage_json.to_json(three.passage)
    saver.save(three.passage)
    run_line(three, '/rename "night ride"')
    run_line(three, "/delete")
    assert isinstance(run_line(three, "/undelete")[-1], Redraw)
    assert passage_json.to_json(three.passage) == text
    run_line(three, "")
    assert saver.save(three.passage) is None
    assert dict(list_passages())["#2"].startswith("night ride · Quagga")
    assert passage_db.load(2).passage.text() == three.passage.text()


def test_a_file_that_was_open_comes_back_as_the_place_of_its_passage(three: Session) -> None:
    run_line(three, "/open stripes")
    run_line(three, "/delete")
    run_line(three, "/undelete")
    run_line(three, "")
    run_line(three, "/save stripes")
    assert passage_json.load("stripes").text() == three.passage.text()
    run_line(three, "/delete")
    assert rows() == ["#2", "#1"]


def test_a_text_begun_meanwhile_stays_open(three: Session) -> None:
    run_line(three, "/delete")
    run_line(three, "Okapi")
    assert notes(run_line(three, "/undelete")).endswith(" is back; /open #2 opens it")
    assert three.passage.text().startswith("Okapi")
    assert rows()[0] == "#2"


def test_several_come_back_the_latest_first(three: Session) -> None:
    run_line(three, "/delete #1")
    run_line(three, "/delete stripes")
    run_line(three, "/undelete")
    assert rows() == ["#2", "stripes"]
    run_line(three, "/undelete")
    assert rows() == ["#2", "#1", "stripes"]
    with pytest.raises(CommandError, match="nothing was deleted"):
        run_line(three, "/undelete")


def test_a_deleted_file_replaces_none_that_was_made_meanwhile(three: Session) -> None:
    run_line(three, "/delete stripes")
    run_line(three, "/save stripes")
    with pytest.raises(UsageError, match="another passage 'stripes'"):
        run_line(three, "/undelete")
    run_line(three, "/rename stripes quagga")
    run_line(three, "/undelete")
    assert set(passage_json.list_names()) == {"stripes", "quagga"}


def test_another_window_goes_on_in_a_copy_and_says_so(three: Session, tiny: Model) -> None:
    window, saver = Session(tiny, Settings(length=5)), PassageSaver()
    window.load_passage(passage_db.load(1))
    saver.save(window.passage)
    run_line(three, "/delete #1")
    run_line(window, "")
    assert saver.save(window.passage) == "another window deleted #1; this one continues as a copy, #3"
    assert passage_db.load(3).passage.text() == window.passage.text()
    run_line(three, "/undelete")
    assert set(rows()) == {"#3", "#2", "#1", "stripes"}


def test_the_file_is_the_place_of_a_passage_whose_row_another_window_deleted(three: Session, tiny: Model) -> None:
    PassageSaver().save(three.passage)
    run_line(three, "/save quagga")
    run_line(Session(tiny), "/delete! #2")
    assert "'quagga' is now called 'okapi'" in notes(run_line(three, "/rename okapi"))
    assert set(rows()) == {"#1", "stripes", "okapi"}


def test_nothing_of_a_deleted_passage_is_left_in_the_file(three: Session) -> None:
    run_line(three, "/delete #1")
    assert b"Zebra" not in passage_db_file().read_bytes()


def test_a_failure_to_delete_leaves_the_passage_open(three: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    passage = three.passage
    with closing(sqlite3.connect(passage_db_file())) as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("afterglow.core.session.passage_tables.BUSY_TIMEOUT", 0.0)
        with pytest.raises(StorageError, match="locked"):
            run_line(three, "/delete")
    assert three.passage is passage
    run_line(three, "")
    assert PassageSaver().save(passage) is None
    assert passage_db.load(2).passage.text() == passage.text()


@pytest.mark.parametrize("key", ["#2", "stripes"])
def test_what_another_window_deleted_meanwhile_is_said_to_be_gone(key: str, three: Session, tiny: Model) -> None:
    (ask,) = run_line(three, f"/delete {key}", agree=False)
    run_line(Session(tiny), f"/delete! {key}")
    assert isinstance(ask, Ask)
    with pytest.raises(StorageError, match=r"no passage #2|cannot delete .*stripes"):
        list(ask.on_yes())
    assert not three.passage.deleted
    assert three.passage.text().startswith("Quagga")


def test_a_file_that_another_process_changed_is_no_place_of_the_passage(three: Session, tiny: Model) -> None:
    session = Session(tiny)
    run_line(session, "/open stripes")
    run_line(three, "/save! stripes")
    with pytest.raises(CommandError, match="this passage is not saved"):
        run_line(session, "/delete")


def test_a_script_is_not_asked(three: Session, run: RunCli) -> None:
    del three
    result = run("-m", str(DATA / "tiny-char.safetensors"), stdin=b"/delete #1\n/delete! stripes\n")
    assert result.code == 2
    assert "A script is not asked: /delete! #1 does it" in result.err
    assert rows() == ["#2", "#1"]
