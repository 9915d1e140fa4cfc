"""Many files at once: bad ones are left out and named, copies are found, links and pipes end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from afterglow.core.errors import TextError
from afterglow.core.model import Model
from afterglow.core.text import source_selection
from afterglow.core.text.corpus import Corpus, read_corpora
from afterglow.core.text.files import open_sources
from afterglow.core.text.formats import ReadOptions
from afterglow.repl.cli.generate import read_as_trained
from afterglow.repl.cli.reading_flags import ReadingFlags, ask_for_encoding

CAFE = "un café à la fenêtre, où vas-tu ? L'été dernier.\n"
PAIR = "[31.12.20, 21:05:33] {}: a\n[31.12.20, 21:05:34] Ben: b\n"


def read(*paths: object, **options: object) -> Corpus:
    return read_corpora([str(path) for path in paths], ReadOptions(**options))  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two good texts, and four that cannot be read, two of them with the same name."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "notes.txt").write_bytes(b"bin\0ary" + name.encode())
    (tmp_path / "a" / "good.txt").write_text("good\n")
    (tmp_path / "b" / "good.txt").write_text("better\n")
    (tmp_path / "cafe.txt").write_bytes(CAFE.encode("cp1252"))
    (tmp_path / "book.pdf").write_bytes(b"%PDF-1.7\n")
    return tmp_path


def test_a_bad_file_is_left_out_and_named_with_its_path(folder: Path) -> None:
    corpus = read(folder)
    assert corpus.text == "good\nbetter\n"
    assert [note for note in corpus.notes if f"{folder}/b/notes.txt was left out: b/notes.txt looks like" in note]
    assert [note for note in corpus.notes if "book.pdf is a PDF" in note]
    assert corpus.notes[-1] == "--strict stops at such a file"
    with pytest.raises(TextError, match=r"a/notes.txt looks like binary data"):
        read(folder, strict=True)
    assert read(folder, encoding="auto").text == f"good\nbetter\n{CAFE}"


def test_many_bad_files_are_counted_and_bad_ones_alone_are_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_selection, "SHOWN_FILES", 1)
    assert "3 more files cannot be read and were left out" in read(folder).notes
    with pytest.raises(TextError, match="looks like binary"):
        read(folder / "a" / "notes.txt", folder / "b" / "notes.txt")


def test_a_file_that_is_missing_is_never_left_out(folder: Path) -> None:
    with pytest.raises(TextError, match="there is no text file"):
        read(folder, folder / "nowhere.txt")


def test_a_chat_without_the_author_is_left_out_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text(PAIR.format("Anna"))
    (tmp_path / "two.txt").write_text(PAIR.format("Carl"))
    corpus = read(tmp_path, author="Carl")
    assert corpus.text == "a\n"
    assert [note for note in corpus.notes if "one.txt has no author 'Carl'; there are: Anna, Ben" in note]


@pytest.mark.parametrize(
    "twin", [b"one\r\ntwo\r\n", b"\xef\xbb\xbfone\ntwo\n", "one\ntwo\n".encode("utf-16")], ids=["crlf", "bom", "utf-16"]
)
def test_a_copy_with_other_line_ends_or_another_encoding_is_a_copy(tmp_path: Path, twin: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(b"one\ntwo\n")
    (tmp_path / "b.txt").write_bytes(twin)
    corpus = read(tmp_path)
    assert (corpus.text, corpus.notes) == ("one\ntwo\n", ("b.txt has the same text as a.txt and was left out",))


def test_names_that_several_files_share_are_told_apart(folder: Path) -> None:
    (folder / "x" / "a").mkdir(parents=True)
    (folder / "x" / "a" / "good.txt").write_text("x")
    names = [source.name for source in open_sources([str(folder)])]
    assert len(set(names)) == len(names) == 7
    assert {"b/good.txt", "x/a/good.txt", "cafe.txt"} < set(names)
    twice = open_sources([str(folder / "cafe.txt")] * 2)
    assert twice[0].name == twice[1].name


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_loops_of_links_end(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "up").symlink_to("..")
    (tmp_path / "x.txt").write_text("x\n")
    (tmp_path / ".hidden.txt").write_text("hidden\n")
    for pattern in (tmp_path / "**" / "*.txt", tmp_path / "**", tmp_path):
        corpus = read(pattern)
        assert (corpus.text, corpus.notes) == ("x\n", ())
    with pytest.raises(TextError, match="no file matches"):
        read(f"{tmp_path}/**x/[")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in folders there")
def test_a_pipe_with_a_name_is_read_like_standard_input(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=("piped\n",))
    writer.start()
    assert read(tmp_path / "pipe").text == "piped\n"
    writer.join()
    reading, writing = os.pipe()
    os.write(writing, b"substituted\n")
    os.close(writing)
    try:
        assert read(f"/dev/fd/{reading}").text == "substituted\n"
    finally:
        os.close(reading)
    with pytest.raises(TextError, match="is a device or a terminal"):
        read("/dev/zero")


@pytest.mark.skipif(sys.platform == "win32", reason="the shell is another one there")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_are_no_error(closed: str) -> None:
    command = f'exec "{sys.executable}" -m afterglow.repl generate a --length 3 -m names {closed}'
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("answer", "encoding"), [(True, "auto"), (False, "utf-8")])
def test_on_a_terminal_a_guess_is_taken_if_the_user_says_yes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, answer: bool, encoding: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options, paths = ReadOptions(), [str(folder)]
    assert ask_for_encoding(paths, options) == "utf-8"  # no terminal, no question
    monkeypatch.setattr("afterglow.repl.cli.reading_flags._is_asked", lambda: True)
    monkeypatch.setattr("click.confirm", lambda *_, **__: answer)
    assert ask_for_encoding(paths, options) == encoding
    assert capsys.readouterr().err == f"cafe.txt is not UTF-8; it looks like cp1252: “{CAFE.strip()[:60]}”\n"
    assert ask_for_encoding([str(folder / "a" / "good.txt")], options) == "utf-8"


def test_another_text_is_scored_although_its_author_is_not_the_trained_one(tmp_path: Path, tiny: Model) -> None:
    model = Model("tiny", replace(tiny.file, card=replace(tiny.file.card, author="Anna")), tiny.runtime)
    (tmp_path / "chat.txt").write_text(PAIR.format("Anna"))
    (tmp_path / "novel.txt").write_text("novel\n")
    assert read_as_trained(model, [str(tmp_path / "chat.txt")], ReadingFlags()).text == "a\n"
    assert read_as_trained(model, [str(tmp_path / "novel.txt")], ReadingFlags()).text == "novel\n"
    assert read_as_trained(model, [str(tmp_path / "chat.txt")], ReadingFlags(author="Ben")).text == "b\n"
    with pytest.raises(TextError, match="has no author 'Carl'"):
        read_as_trained(model, [str(tmp_path / "chat.txt")], ReadingFlags(author="Carl"))


def test_remarks_on_a_folder_of_many_files_are_a_screenful(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}.jsonl").write_text(f'{{"text": "{number}"}}\n')
    notes = read(tmp_path).notes
    assert len(notes) == 21
    assert notes[-2:] == ("10 more remarks on the files", "29.jsonl: read as JSON lines: 1 text")
    for number in range(30):
        (tmp_path / f"{number:02}.jsonl").write_text('{"text": "same"}\n')
    notes = read(tmp_path).notes
    assert len(notes) == 7
    assert "24 more files are copies and were left out" in notes
