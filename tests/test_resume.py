"""Passages on the command line: --continue and --open in a script, and the line that is left on the terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from afterglow.core.model import Model, load
from afterglow.core.paths import passage_db_file
from afterglow.core.session import passage_db
from afterglow.core.session.passage_db import PassageSaver
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.repl.cli.resume import choose_model, find_passages, print_farewell

from .cli_helpers import RunCli
from .conftest import DATA
from .hostile_text import on_terminal

TINY = str(DATA / "tiny-char.safetensors")


def keep(model: Model, seed: str, **settings: object) -> str:
    """Write and autosave a passage. Return its text."""
    session = Session(model, Settings().changed(rng=7, length=20, **settings))
    for _ in session.write_from(seed):
        pass
    PassageSaver().save(session.passage)
    return session.passage.text()


@pytest.fixture
def two(tiny: Model) -> list[str]:
    """The texts of two autosaved passages."""
    return [keep(tiny, "Zebra of the plain", temperature=1.5), keep(tiny, "Quagga of the plain", temperature=0.5)]


@pytest.mark.parametrize(
    ("options", "number"),
    [(["--continue"], 2), (["--open", "#1"], 1), (["--open", "1"], 1), (["--open", "zebra plain"], 1)],
)
def test_a_script_goes_on_with_a_passage(options: list[str], number: int, two: list[str], run: RunCli) -> None:
    ran = run("-m", TINY, *options, stdin=b"\n/set temperature\n")
    assert ran.code == 0
    assert f"opened #{number}" in ran.err
    session = Session(load(TINY))
    session.load_passage(passage_db.load(number))
    for _ in session.continue_():
        pass
    assert ran.out == session.passage.text().removeprefix(two[number - 1]) + "\n"
    assert f"temperature {session.settings.temperature:.2f}" in ran.err


@pytest.mark.usefixtures("two")
def test_what_is_typed_on_the_command_line_wins_over_what_the_passage_was_left_with(run: RunCli) -> None:
    ran = run(
        "-m", TINY, "--continue", "-t", "0.9", stdin=b"/set temperature\n/set length\n/open 1\n/set temperature\n"
    )
    shown = [line.split(":")[0] for line in ran.err.splitlines() if not line.startswith("opened")]
    assert shown == ["temperature 0.90", "length 20", "temperature 1.50"]


@pytest.mark.parametrize(
    ("options", "code", "why"),
    [
        (["--open", "plain"], 1, "several passages contain 'plain'"),
        (["--open", "nowhere"], 1, "no passage has 'nowhere'"),
        (["--open", "#9"], 1, "no passage #9"),
        (["--open", "#1", "--continue"], 2, "exclude each other"),
        (["--continue", "generate", "x"], 2, "has no option --continue"),
    ],
)
@pytest.mark.usefixtures("two")
def test_a_mistake_ends_before_anything_is_written(options: list[str], code: int, why: str, run: RunCli) -> None:
    ran = run("-m", TINY, *options, stdin=b"The lamp\n")
    assert (ran.code, ran.out) == (code, "")
    assert why in ran.err


def test_without_a_passage_there_is_nothing_to_continue(run: RunCli) -> None:
    ran = run("-m", TINY, "--continue")
    assert (ran.code, ran.err) == (1, "afterglow: there is no saved passage yet; a seed begins one\n")


def test_an_archive_that_was_put_aside_is_the_reason(run: RunCli, home: Path) -> None:
    home.mkdir()
    passage_db_file().write_text("not a database")
    first, second = run("-m", TINY, "--continue").err.splitlines()
    assert "it is kept as" in first
    assert "there is no saved passage yet" in second


def test_the_passage_s_own_model_continues_it_if_it_is_there() -> None:
    keep(load("names"), "Anna")
    assert choose_model(find_passages(True, None)) == "names"
    keep(load(TINY), "The lamp")
    assert choose_model(find_passages(True, None)) is None


def test_a_passage_of_a_model_that_had_learned_opens_with_its_parent(tiny: Model) -> None:
    keep(Model("names+1204", tiny.file), "Zebra")
    assert choose_model(find_passages(True, None)) == "names"


def farewell(session: Session, monkeypatch: pytest.MonkeyPatch) -> str:
    with on_terminal(monkeypatch) as shown:
        print_farewell(session)
    return "".join(shown)


def test_the_passage_and_the_way_back_stay_on_the_terminal(written: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    assert farewell(written, monkeypatch) == ""
    PassageSaver().save(written.passage)
    line = farewell(written, monkeypatch)
    assert line.startswith('#1 "The lamp ')
    assert line.endswith('" is saved; go on with: afterglow --continue\n')
    keep(written.model, "Another window")
    assert farewell(written, monkeypatch).endswith("; go on with: afterglow --open '#1'\n")
    written.set("autosave", False)
    assert farewell(written, monkeypatch) == ""


def test_a_pipe_gets_no_such_line(written: Session, capsys: pytest.CaptureFixture[str]) -> None:
    PassageSaver().save(written.passage)
    assert not sys.stderr.isatty()
    print_farewell(written)
    assert capsys.readouterr() == ("", "")


def test_a_passage_keeps_no_setting_of_the_user_s(written: Session, tiny: Model) -> None:
    written.set("editing", "vi")
    PassageSaver().save(written.passage)
    again = Session(tiny, Settings())
    again.load_passage(passage_db.load(1))
    assert again.settings.editing == "emacs"
