"""Files, folders, globs, standard input, and the formats in them become one text or one clear line."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from afterglow.core.errors import TextError
from afterglow.core.text import files
from afterglow.core.text.corpus import read_corpora
from afterglow.core.text.formats import ReadOptions


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two texts, one of them packed, one in a folder below, and what is none."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "b.txt").write_text("second\n")
    (tmp_path / "sub" / "c.md").write_text("third")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"first\n"))
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / ".hidden.txt").write_text("hidden")
    return tmp_path


def text(*words: object, how: ReadOptions = ReadOptions()) -> str:  # noqa: B008
    return read_corpora([str(word) for word in words], how).text


def test_a_folder_is_its_texts_in_order_one_behind_the_other(folder: Path) -> None:
    assert text(folder) == "first\nsecond\nthird\n"
    assert read_corpora([str(folder)]).name == "a.txt.gz and 2 more"


def test_a_glob_and_several_names_go_in_the_order_they_are_given(folder: Path) -> None:
    assert text(folder / "**" / "*.md", folder / "b.txt") == "third\nsecond\n"
    assert text(folder / "*.txt*") == "first\nsecond\n"


def test_a_file_whose_name_looks_like_a_glob_is_that_file(folder: Path) -> None:
    (folder / "notes [1].txt").write_text("mine")
    assert text(folder / "notes [1].txt") == "mine"


def test_the_hash_tells_texts_and_their_order_apart(folder: Path) -> None:
    names = [str(folder / "b.txt"), str(folder / "sub" / "c.md")]
    assert read_corpora(names).sha256 != read_corpora(names[::-1]).sha256


def test_standard_input_is_a_text_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("naïve\n".encode())))
    assert text("-") == "naïve\n"


ROWS = [{"text": "one\ntwo", "id": 1}, {"text": "three", "id": 2}]


@pytest.mark.parametrize(
    ("name", "data", "how", "expected"),
    [
        ("a.jsonl", "\n".join(map(json.dumps, ROWS)), ReadOptions(), "one\ntwo\n\nthree\n"),
        ("a.jsonl", '{"body": "x"}\n\n', ReadOptions(field="body"), "x\n"),
        ("a.jsonl", '{"text": "\\ud800!"}\n', ReadOptions(), "\ufffd!\n"),
        ("a.csv", "name,age\nAda,3\n\nBob,4\n", ReadOptions(column="name"), "Ada\n\nBob\n"),
        ("a.csv", 'only\n"a ""b"", c"\n', ReadOptions(), 'a "b", c\n'),
        ("a.csv", "id;text\n1;one, two\n", ReadOptions(column="text"), "one, two\n"),
        ("a.csv", "text,\none,\ntwo, \n", ReadOptions(column="text"), "one\n\ntwo\n"),
        ("a.tsv", "x\ty\n1\tone two\n", ReadOptions(column="y"), "one two\n"),
        ("a.tsv", 'x\ty\n1\t"Yes\n2\tno" more\n', ReadOptions(column="y"), '"Yes\n\nno" more\n'),
        ("a.jsonl", '{"text": "one\\r\\ntwo\\rthree\\r\\n"}', ReadOptions(), "one\ntwo\nthree\n"),
        ("piped", '{"text": "one"}', ReadOptions(field="text"), "one\n"),
        ("piped", "a,b\n1,2\n", ReadOptions(column="b"), "2\n"),
        ("a.md", "a,b\n1,2\n", ReadOptions(column="b"), "a,b\n1,2\n"),
        ("a.csv", "name\n" + "x" * 200_000, ReadOptions(), "x" * 200_000 + "\n"),
    ],
)
def test_fields_and_columns_are_items_with_an_empty_line_between(
    tmp_path: Path, name: str, data: str, how: ReadOptions, expected: str
) -> None:
    (tmp_path / name).write_text(data, "utf-8")
    assert text(tmp_path / name, how=how) == expected


def test_lines_are_shuffled_the_same_way_every_time_and_an_item_takes_one(tmp_path: Path) -> None:
    names = [f"name {number}" for number in range(50)]
    (tmp_path / "names.txt").write_text("\n".join(names[:25]) + "\n\n" + "\r\n".join(names[25:]))
    once = text(tmp_path / "names.txt", how=ReadOptions(lines=True))
    assert once == text(tmp_path / "names.txt", how=ReadOptions(lines=True))
    assert sorted(once.splitlines()) == sorted(names)
    assert once.splitlines() != names
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "one\n  two"}))
    assert text(tmp_path / "a.jsonl", how=ReadOptions(lines=True)) == "one two\n"


@pytest.mark.parametrize(
    ("name", "data", "how", "says"),
    [
        ("a.jsonl", b'{"text": "x"}\nno', ReadOptions(), "line 2, is not JSON"),
        (
            "a.jsonl",
            b'{"body": "x"}',
            ReadOptions(),
            r"has no text field 'text'; its text fields: body .choose one with --field",
        ),
        ("a.jsonl", b"[1]", ReadOptions(field="f"), "has no text field 'f'; its text fields: none"),
        ("a.csv", b"name,age\nAda,3", ReadOptions(), "choose one with --column; there are: name, age"),
        ("a.csv", b"name,age\nAda,3", ReadOptions(column="title"), "no column 'title'; there are: name, age"),
        ("a.csv", b"name,age\nAda", ReadOptions(column="age"), "no text in its column 'age'"),
        ("a.csv", b"", ReadOptions(column="age"), "the first line must name the columns"),
        ("a.csv", b"text\nwell, no", ReadOptions(), "line 2, has more cells than the first line has names"),
        ("a.csv", b'text\n"one\ntwo', ReadOptions(), "unexpected end of data"),
        ("a.txt.gz", b"no gzip", ReadOptions(), "not a complete gzip file"),
        ("a.txt.gz", gzip.compress(b"text" * 99, mtime=0)[:-9], ReadOptions(), "not a complete gzip file"),
        ("a.txt", "né ".encode() + b"n\xe9", ReadOptions(), "mixes encodings: after valid utf-8, byte 5"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(
    tmp_path: Path, name: str, data: bytes, how: ReadOptions, says: str
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(TextError, match=says) as caught:
        text(tmp_path / name, how=how)
    assert str(caught.value).startswith(name)
    assert "\n" not in str(caught.value)


def test_a_text_that_is_there_twice_is_read_once_and_that_is_told(folder: Path) -> None:
    (folder / "again.txt.gz").write_bytes(gzip.compress((folder / "b.txt").read_bytes()))
    once = read_corpora([str(folder / "b.txt"), str(folder / "sub" / "c.md")])
    twice = read_corpora([str(folder / "b.txt"), str(folder / "sub" / "c.md"), str(folder / "again.txt.gz")])
    assert twice.text == once.text
    assert twice.notes == ("again.txt.gz has the same text as b.txt and was left out",)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are of one encoding")
def test_a_name_of_another_encoding_is_shown_as_well_as_it_can_be(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    with open(path, "w") as file:  # noqa: PTH123
        file.write("text")
    corpus = read_corpora([os.fsdecode(path)])
    assert (corpus.name, corpus.text) == ("caf\ufffd.txt", "text")


def test_names_that_stand_for_nothing_are_told(folder: Path) -> None:
    with pytest.raises(TextError, match="no file matches"):
        text(folder / "*.rst")
    (folder / "empty").mkdir()
    with pytest.raises(TextError, match="no text in the folder"):
        text(folder / "empty")
    with pytest.raises(TextError, match="there is no text file"):
        text(folder / "nowhere.txt")
    with pytest.raises(TextError, match="path of a text is empty"):
        read_corpora([""])


def test_a_file_that_changes_while_it_is_read_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file really changes, between the two looks that are taken at it."""
    stat: Callable[[int], object] = files.os.fstat

    def look(handle: int) -> object:
        seen = stat(handle)
        with (folder / "b.txt").open("a") as file:
            file.write("more\n")
        return seen

    monkeypatch.setattr(files.os, "fstat", look)
    with pytest.raises(TextError, match="changed while it was read"):
        text(folder / "b.txt")
