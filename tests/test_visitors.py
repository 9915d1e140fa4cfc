"""A process that serves a visitor touches no file outside of its data folder, by any command."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest
from afterglow.core.commands.effects import Compare, Edit, Play
from afterglow.core.commands.registry import COMMANDS, Command, dispatch
from afterglow.core.errors import AfterglowError, ModelError, UsageError
from afterglow.core.inference.library import MODEL_SUFFIX, find_model
from afterglow.core.model import Model
from afterglow.core.render.export import EXPORTERS
from afterglow.core.session.session import Session
from afterglow.core.typed_paths import typed_path

SUFFIXES = ("", MODEL_SUFFIX, *EXPORTERS)

_touched: list[str] = []
_watched: list[str] = []


def _note_file_access(event: str, arguments: tuple[object, ...]) -> None:
    """Hooks of Python's audit cannot be removed: this one does nothing while no folder is watched."""
    for folder in _watched:
        paths = [os.path.realpath(each) for each in arguments if isinstance(each, str | os.PathLike)]
        if any(path.startswith(folder) for path in paths):
            _touched.append(f"{event} {arguments!r}")


sys.addaudithook(_note_file_access)


@contextmanager
def watching(folder: Path) -> Iterator[list[str]]:
    """What is opened, made, renamed, deleted or run in a folder while the block runs."""
    _touched.clear()
    _watched.append(os.path.realpath(folder))
    try:
        yield _touched
    finally:
        _watched.clear()


@pytest.fixture
def visitor(home: Path, written: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A session of a visitor, with a text."""
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setenv("AFTERGLOW_VISITOR", "1")
    return written


def run_line(session: Session, line: str) -> str:
    """Run a line as a front end does, and return its error."""
    try:
        for effect in dispatch(session, line):
            for play in effect.plays if isinstance(effect, Play | Compare) else ():
                list(islice(play.events, 2))
            if isinstance(effect, Edit):
                list(effect.on_done("The lamp"))
    except AfterglowError as error:
        return str(error)
    return ""


def test_the_watch_sees_files(tmp_path: Path, written: Session) -> None:
    with watching(tmp_path / "elsewhere") as touched:
        assert run_line(written, f"/export {tmp_path}/elsewhere/x.html") == ""
    assert any(line.startswith("open") for line in touched)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_no_command_touches_files_elsewhere(command: Command, tmp_path: Path, visitor: Session) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for suffix in SUFFIXES:
        (elsewhere / f"there{suffix}").write_text("x", "utf-8")
    before = sorted(elsewhere.iterdir())
    places = (str(elsewhere), "../elsewhere", "~/elsewhere", f"models/../../{elsewhere.name}")
    with watching(elsewhere) as touched:
        for path in (
            f"{place}/{name}{suffix}" for place in places for name in ("there", "none") for suffix in SUFFIXES
        ):
            for words in (path, f"save {path}"):
                run_line(visitor, f"/{command.name} {words}")
    assert touched == []
    assert sorted(elsewhere.iterdir()) == before


@pytest.mark.parametrize("line", ["/export {}.html", "/model {}.safetensors"])
def test_what_is_there_cannot_be_found_out(line: str, tmp_path: Path, visitor: Session) -> None:
    for suffix in (".html", ".safetensors"):
        (tmp_path / f"file{suffix}").write_text("x", "utf-8")
        (tmp_path / f"loop{suffix}").symlink_to(tmp_path / f"loop{suffix}")
    paths = [str(tmp_path / name) for name in ("file", "none", "loop")]
    said = {run_line(visitor, line.format(path)).replace(path, "") for path in paths}
    assert len(said) == 1
    assert "visitors have no access to" in said.pop()


@pytest.mark.usefixtures("visitor")
@pytest.mark.parametrize("path", ["/etc/x.html", "../x.html", "a/../../x.html", "link/x.html", "x.html", "..", "\0"])
def test_a_visitors_path_stays_in_their_folder(path: str, home: Path, tmp_path: Path) -> None:
    (home / "link").symlink_to(tmp_path)
    (home / "x.html").symlink_to(tmp_path / "x.html")
    with pytest.raises(UsageError, match="visitors have no access"):
        typed_path(path)


def test_a_visitors_name_is_in_their_folder(home: Path, visitor: Session) -> None:
    assert typed_path("story.html") == home / "story.html"
    assert typed_path("~root/story.html") == home / "~root" / "story.html"
    assert run_line(visitor, "/export story.html") == ""
    assert (home / "story.html").exists()


def test_a_model_is_found_by_its_name_only(home: Path, tiny: Model, tmp_path: Path, visitor: Session) -> None:
    tiny.file.save(tmp_path / "lent.safetensors")
    (home / "models").mkdir()
    (home / "models" / "lent.safetensors").symlink_to(tmp_path / "lent.safetensors")
    assert find_model("lent").path == home / "models" / "lent.safetensors"
    assert run_line(visitor, "/model lent") == ""
    with pytest.raises(ModelError, match="visitors have no access"):
        find_model(str(tmp_path / "lent.safetensors"))


def test_without_a_visitor_paths_lead_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    if sys.platform != "win32":
        assert typed_path("~/x.html") == tmp_path / "x.html"
    assert typed_path(str(tmp_path / "x.html")) == tmp_path / "x.html"
