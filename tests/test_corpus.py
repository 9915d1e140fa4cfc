"""A text file becomes a clean text or one clear line that says what is wrong with it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from afterglow.core.errors import TextError
from afterglow.core.text.corpus import Corpus, read_corpus, require_enough

LAMP = Path(__file__).parent / "data" / "lamp.txt"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "text.txt"


def read(file: Path, data: bytes, encoding: str = "utf-8", keep_boilerplate: bool = False) -> Corpus:
    file.write_bytes(data)
    return read_corpus(file, encoding, keep_boilerplate)


def test_a_plain_text_is_left_as_it_is() -> None:
    corpus = read_corpus(LAMP)
    assert corpus.text == LAMP.read_text("utf-8")
    assert (corpus.name, corpus.notes) == ("lamp.txt", ())
    assert corpus.sha256 == hashlib.sha256(LAMP.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("data", "text", "note"),
    [
        (b"\xef\xbb\xbfone\n", "one\n", "byte-order mark"),
        (b"one\r\ntwo\r\n", "one\ntwo\n", "2 carriage returns"),
        (b"one\rtwo\r", "one\ntwo\n", "2 carriage returns"),
        (b"one\r\ntwo\rthree\n", "one\ntwo\nthree\n", "2 carriage returns"),
    ],
)
def test_marks_and_line_ends_are_cleaned_and_told(file: Path, data: bytes, text: str, note: str) -> None:
    corpus = read(file, data)
    assert corpus.text == text
    assert [note in line for line in corpus.notes] == [True]


@pytest.mark.parametrize(
    ("data", "encoding", "text"),
    [("café".encode("latin-1"), "latin-1", "café"), ("café".encode("utf-16"), "utf-16", "café"), (b"a", "UTF8", "a")],
)
def test_another_encoding_is_read_when_named(file: Path, data: bytes, encoding: str, text: str) -> None:
    assert read(file, data, encoding).text == text


HEADERS = [
    "The Project Gutenberg EBook of Lamps, by Some One\n\n*** START OF THIS PROJECT GUTENBERG EBOOK LAMPS ***\n",
    "\ufeffThe Project Gutenberg eBook of Lamps\n\n*** START OF THE PROJECT GUTENBERG EBOOK LAMPS ***\n",
    "Title: Lamps\n\n***START OF THE PROJECT GUTENBERG EBOOK LAMPS***\n",
    "Title: Lamps\n\n*** START OF THE PROJECT GUTENBERG EBOOK LAMPS, OR THE\nKEEPER OF THE LIGHT ***\n\n\n",
    "Title: Lamps\n\n*** START OF THIS PROJECT GUTENBERG ETEXT LAMPS ***\n",
]
FOOTERS = [
    "*** END OF THE PROJECT GUTENBERG EBOOK LAMPS ***\n\nUpdated editions will replace the previous one.\n",
    "***END OF THE PROJECT GUTENBERG EBOOK LAMPS***\n\n\n******* This file should be named 1.txt *******\n",
    "End of Project Gutenberg's Lamps, by Some One\n\n*** END OF THIS PROJECT GUTENBERG EBOOK LAMPS ***\nlicence\n",
    "End of the Project Gutenberg EBook of Lamps, by Some One\n\n*** END OF THIS PROJECT GUTENBERG EBOOK LAMPS ***\n",
    "End of the Project Gutenberg EBook of Lamps, by\nSome One\n\n*** END OF THIS PROJECT GUTENBERG EBOOK LAMPS ***\n",
    "End of The Project Gutenberg Etext of Lamps, or the Keeper\nof the Light, by Some One and\nAnother\n\n\n"
    "*** END OF THIS PROJECT GUTENBERG ETEXT LAMPS ***\n",
]
BODY = "I\n\nThere was a lamp.\n\nIt was the end of the night.\n"


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
@pytest.mark.parametrize("footer", FOOTERS, ids=range(len(FOOTERS)))
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_gutenbergs_words_are_left_out(file: Path, header: str, footer: str, line_end: str) -> None:
    whole = f"{header}\n{BODY}\n\n{footer}"
    corpus = read(file, whole.replace("\n", line_end).encode())
    assert corpus.text == BODY
    assert not corpus.boilerplate_kept
    assert "--keep-boilerplate" in corpus.notes[-1]
    kept = read(file, whole.encode(), keep_boilerplate=True)
    assert kept.text == whole.removeprefix("\ufeff")
    assert kept.boilerplate_kept


def test_a_text_that_only_speaks_of_gutenberg_is_whole(file: Path) -> None:
    text = "End of the Project Gutenberg tour.\n\nIt was a museum.\n"
    assert read(file, text.encode()).text == text
    inside = f"{HEADERS[0]}{text}{FOOTERS[0]}"
    assert read(file, inside.encode()).text == text


@pytest.mark.parametrize(
    ("data", "encoding", "says"),
    [
        (b"one\ntwo \xff\n", "utf-8", "byte 8 (line 2) is 0xff"),
        (b"\xed\xa0\x80", "utf-8", "byte 0 (line 1) is 0xed"),
        (b"caf\xe9", "ascii", "byte 3 (line 1) is 0xe9"),
        (b"one\0two", "utf-8", "zero byte at 3"),
        (b"one\0two", "UTF_8", "zero byte at 3"),
        (b"one\0two", "utf-8-sig", "zero byte at 3"),
        (b"one", "klingon", "no encoding 'klingon'"),
        (b"one", "hex", "no encoding 'hex'"),
        (b"one", "a\0b", "no encoding"),
        (b"one", "undefined", "not undefined"),
        (b"abc", "utf-16", "is not utf-16"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(file: Path, data: bytes, encoding: str, says: str) -> None:
    with pytest.raises(TextError) as caught:
        read(file, data, encoding)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(TextError, match=r"no text file .*nowhere\.txt"):
        read_corpus(tmp_path / "nowhere.txt")
    with pytest.raises(TextError, match="is a folder"):
        read_corpus(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "empty"), (" \n", "empty"), ("short", r"5 characters; at least 5,000"), ("a" * 5000, "one character")],
)
def test_too_little_to_learn_from_is_refused(file: Path, text: str, says: str) -> None:
    with pytest.raises(TextError, match=says):
        require_enough(read(file, text.encode()))


def test_enough_is_enough(file: Path) -> None:
    require_enough(read(file, b"ab" * 2500))
