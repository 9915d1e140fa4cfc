"""Files at paths that the user gave: nothing is replaced by surprise, and a replaced file keeps its mode and place."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from afterglow.core import presets
from afterglow.core.errors import AfterglowError, StorageError, UsageError
from afterglow.core.paths import presets_file
from afterglow.core.session import passage_json, saved_passages
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.core.user_files import write_user_file

from .cli_helpers import RunCli
from .command_helpers import do

TINY = str(Path(__file__).parent / "data" / "tiny-char.safetensors")

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes, links and pipes are POSIX's")


class Writer(NamedTuple):
    """A command that writes to a path: the suffix that it needs, and a function that runs it, replacing if told so.

    The function returns the error, "" if there is none.
    """

    suffix: str
    write: Callable[[Path, bool], str]


@pytest.fixture(params=["/export", "export --pytorch", "export --onnx", "explain --plot", "diversity --plot"])
def writer(request: pytest.FixtureRequest, run: RunCli, written: Session) -> Writer:
    """Every command that writes to a path."""
    word = request.param

    def export(path: Path, replace: bool) -> str:
        try:
            do(written, f"/export{'!' if replace else ''} {path}")
        except AfterglowError as error:
            return str(error)
        return ""

    def run_verb(path: Path, replace: bool) -> str:
        verb, option = word.split()
        arguments = {
            "export": [TINY],
            "explain": ["--probs", "0.5,0.5"],
            "diversity": ["-m", TINY, "-n", "1", "-l", "50", "-t", "1"],
        }[verb]
        ran = run(verb, *arguments, option, str(path), *(["--replace"] if replace else []))
        assert (ran.code == 0) == (not ran.err)
        return ran.err

    if word == "/export":
        return Writer(".md", export)
    pytest.importorskip({"--plot": "matplotlib", "--onnx": "onnx", "--pytorch": "numpy"}[word.split()[1]])
    return Writer({"--plot": ".svg", "--onnx": ".onnx", "--pytorch": ".safetensors"}[word.split()[1]], run_verb)


def test_a_file_is_replaced_only_if_the_user_insists(writer: Writer, tmp_path: Path) -> None:
    path = tmp_path / f"mine{writer.suffix}"
    path.write_text("precious")
    error = writer.write(path, False)
    assert f"{path} exists already" in error
    assert error.strip().count("\n") == 0
    assert "/export! to replace it" in error or "--replace" in error
    assert path.read_text() == "precious"
    assert writer.write(path, True) == ""
    assert b"precious" not in path.read_bytes()


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_a_replaced_file_keeps_its_mode(writer: Writer, tmp_path: Path, mode: int) -> None:
    path = tmp_path / f"mine{writer.suffix}"
    path.write_text("precious")
    path.chmod(mode)
    assert writer.write(path, True) == ""
    assert path.stat().st_mode & 0o777 == mode
    assert path.stat().st_size > len("precious")


@posix
@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nothing"])
def test_a_link_stays_and_its_target_is_written(writer: Writer, tmp_path: Path, there: bool) -> None:
    link, target = tmp_path / f"link{writer.suffix}", tmp_path / "far" / f"target{writer.suffix}"
    target.parent.mkdir()
    if there:
        target.write_text("precious")
    link.symlink_to(target)
    assert bool(writer.write(link, False)) == there
    assert writer.write(link, True) == ""
    assert link.is_symlink()
    assert target.stat().st_size > len("precious")


@posix
@pytest.mark.parametrize("kind", ["pipe", "read-only", "folder", "link to a device"])
def test_what_is_no_file_to_write_to_is_refused_however_the_user_insists(
    writer: Writer, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / f"mine{writer.suffix}"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "read-only":
            path.write_text("precious")
            path.chmod(0o444)
        case "folder":
            path.mkdir()
        case _:
            path.symlink_to("/dev/null")
    before = path.stat()
    for replace in (False, True):
        assert writer.write(path, replace)
    assert (path.stat().st_ino, path.stat().st_mode) == (before.st_ino, before.st_mode)


def test_an_export_can_be_repeated_until_someone_else_changes_the_file(written: Session, tmp_path: Path) -> None:
    path = tmp_path / "mine.md"
    for _ in range(3):
        do(written, f"/export {path}")
    path.write_text("edited")
    with pytest.raises(UsageError, match="exists already"):
        do(written, f"/export {path}")
    assert path.read_text() == "edited"


@pytest.mark.parametrize("name", ["nul\0.md", "\ud800.md", "x" * 300 + ".md", "loop.md"])
def test_a_path_that_no_file_can_have_is_one_line(written: Session, tmp_path: Path, name: str) -> None:
    (tmp_path / "loop.md").symlink_to(tmp_path / "loop.md")
    with pytest.raises((UsageError, StorageError)) as caught:
        do(written, f"/export {tmp_path / name}")
    assert "\n" not in str(caught.value)


# Names instead of paths ---------------------------------------------------------------------------------------------


def test_another_passage_of_the_name_is_kept_unless_the_user_insists(written: Session) -> None:
    first = written.passage.text()
    do(written, "/save lamp")
    do(written, "Other")
    with pytest.raises(UsageError, match=r"there is another passage 'lamp'.*/save! to replace it"):
        do(written, "/save lamp")
    assert passage_json.load("lamp").text() == first
    do(written, "/save! lamp")
    assert passage_json.load("lamp").text() == written.passage.text() != first


@pytest.mark.parametrize("how", ["saved", "opened"])
def test_a_passage_is_saved_again_under_its_own_name(written: Session, how: str) -> None:
    do(written, "/save lamp")
    if how == "opened":
        do(written, "/new")
        do(written, "/open lamp")
    for line in ("/continue", "/retry"):
        do(written, line)
        do(written, "/save lamp")
        assert passage_json.load("lamp").text() == written.passage.text()


def test_a_passage_that_another_window_saved_too_is_not_replaced(written: Session) -> None:
    do(written, "/save lamp")
    other = Session(written.model, Settings(rng=7, length=20))
    other.load_passage(saved_passages.load(saved_passages.find_one("lamp")))
    do(other, "/continue")
    do(other, "/save lamp")
    with pytest.raises(UsageError, match="another passage"):
        do(written, "/save lamp")


def test_a_name_that_is_made_up_is_a_new_one(written: Session) -> None:
    texts = []
    for length in (20, 40, 60):  # the same beginning and number, three ends
        session = Session(written.model, Settings(rng=7, length=length))
        do(session, "The lamp")
        do(session, "/save")
        do(session, "/save")
        texts.append(session.passage.text())
    first, *others = sorted(passage_json.list_names())
    assert others == [f"{first}-2", f"{first}-3"]
    assert [passage_json.load(name).text() for name in (first, *others)] == texts


def test_another_preset_of_the_name_is_kept_unless_the_user_insists(session: Session) -> None:
    do(session, "/preset save mine")
    do(session, "/preset save mine")
    session.set("temperature", 1.5)
    before = presets_file().read_bytes()
    with pytest.raises(UsageError, match=r"there is another preset 'mine'.*/preset! to replace it"):
        do(session, "/preset save mine")
    assert presets_file().read_bytes() == before
    do(session, "/preset! save mine")
    assert presets.load_all()["mine"] == {"temperature": 1.5, "length": 60}


def test_a_script_writes_through_the_same_door(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.txt"
    for data in (b"one", b"two"):
        write_user_file(path, data)
        assert path.read_bytes() == data
