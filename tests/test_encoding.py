"""Bytes become text by their byte-order mark, by UTF-8, or by a guess that is shown and has to be taken."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from afterglow.core.errors import TextError
from afterglow.core.text.corpus import Corpus, read_corpora
from afterglow.core.text.encoding import EncodingError, decode_utf8
from afterglow.core.text.formats import ReadOptions

FRENCH = "L'été dernier, j'ai pris un café à la fenêtre. « Où vas-tu ? » dit-elle, étonnée.\n"
ENGLISH = "“It’s a truth universally acknowledged,” she said, “that the café isn’t open.”\n"
RUSSIAN = "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.\n"
JAPANESE = "ランプの灯がともる。吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n"
CHINESE = "话说天下大势，分久必合，合久必分。周末七国分争，并入于秦。\n"
POLISH = "Zażółć gęślą jaźń, powiedział stary człowiek i poszedł do domu przez las.\n"


def read(path: Path, data: bytes, encoding: str = "utf-8") -> Corpus:
    path.write_bytes(data)
    return read_corpora([str(path)], ReadOptions(encoding))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.txt"


@pytest.mark.parametrize("encoding", ["utf-8", "auto", "latin-1"])
@pytest.mark.parametrize("written", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "utf-8"])
def test_a_byte_order_mark_is_believed(file: Path, written: str, encoding: str) -> None:
    mark = "" if written in ("utf-16", "utf-32") else "\ufeff"  # Python writes one for these
    corpus = read(file, f"{mark}{ENGLISH}".encode(written), encoding)
    assert corpus.text == ENGLISH
    assert any("byte-order mark" in note for note in corpus.notes)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (FRENCH, "cp1252"),
        (ENGLISH, "cp1252"),
        (ENGLISH, "mac_roman"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (RUSSIAN, "cp866"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc_jp"),
        (CHINESE, "gb18030"),
        (POLISH, "cp1250"),
    ],
)
def test_another_encoding_is_guessed_and_shown_but_only_taken_if_it_is_said(
    file: Path, text: str, encoding: str
) -> None:
    data = f"In ASCII.\n{text * 3}".encode(encoding)
    with pytest.raises(EncodingError, match=r"is not utf-8: byte \d+ \(line 2\)") as caught:
        read(file, data)
    assert f"looks like {encoding}: “" in str(caught.value)
    assert "--encoding auto" in str(caught.value)
    assert caught.value.guess
    assert caught.value.guess.line[:20] in text
    corpus = read(file, data, "auto")
    assert corpus.text == f"In ASCII.\n{text * 3}"
    assert corpus.notes[0].startswith(f"read as {encoding}: “")


def test_the_encoding_is_guessed_for_each_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes((FRENCH * 3).encode("cp1252"))
    (tmp_path / "b.txt").write_bytes((RUSSIAN * 3).encode("cp1251"))
    (tmp_path / "c.txt").write_bytes(CHINESE.encode())
    corpus = read_corpora([str(tmp_path)], ReadOptions("auto"))
    assert corpus.text == FRENCH * 3 + RUSSIAN * 3 + CHINESE
    assert len([note for note in corpus.notes if "read as" in note]) == 2


@pytest.mark.parametrize("encoding", ["utf-8", "auto", "latin-1", "cp437"])
@pytest.mark.parametrize("start", [b"", b"\x89PNG\r\n", b"%PD"])
def test_binary_data_is_refused_in_every_encoding_of_one_byte(file: Path, start: bytes, encoding: str) -> None:
    without_zeros = bytes(random.Random(1).choices(range(1, 256), k=5000))
    for data in (start + without_zeros, start + b"text" * 9 + b"\0"):
        with pytest.raises(TextError, match="looks like binary data"):
            read(file, data, encoding)


def test_latin_1_with_the_quotes_of_windows_is_remarked(file: Path) -> None:
    corpus = read(file, ENGLISH.encode("cp1252"), "latin-1")
    assert [note for note in corpus.notes if "--encoding cp1252" in note]
    assert read(file, ENGLISH.encode("cp1252"), "cp1252").notes == ()


def test_byte_order_marks_of_joined_files_are_dropped(file: Path) -> None:
    corpus = read(file, "\ufeffone\n\ufefftwo\n".encode())
    assert (corpus.text, corpus.notes) == ("one\ntwo\n", ("2 byte-order marks were dropped",))


def test_text_that_a_program_hands_over_names_no_option_that_it_lacks() -> None:
    with pytest.raises(TextError, match="iconv -f cp1252") as caught:
        decode_utf8(FRENCH.encode("cp1252"), "standard input")
    assert "--encoding" not in str(caught.value)
    with pytest.raises(TextError, match="looks like binary") as caught:
        decode_utf8(bytes(random.Random(1).choices(range(256), k=100)), "standard input")
    assert "--encoding" not in str(caught.value)
