"""A label goes with its text: through shuffling, the split, the cache and tokens, to the batches."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from afterglow.core.errors import UsageError
from afterglow.core.text import chunks, shuffle
from afterglow.core.text.corpus import Corpus, read_corpora
from afterglow.core.text.formats import ReadOptions
from afterglow.core.text.labels import LabelRuns, clean_label, join_runs
from afterglow.core.text.subwords import WordTokenizer
from afterglow.core.text.tokenizer import ByteTokenizer, CharTokenizer, Tokenizer
from hypothesis import given
from hypothesis import strategies as st

from .properties import examples

pytest.importorskip("torch")

from afterglow.core.training.corpus_cache import load_corpus, load_tokens

ROWS = "".join(f"{who},{who} says {n} things\n" for n in range(300) for who in ("Ada", "Zoë"))
"""Of every row the text begins with its label."""


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "rows.csv"
    path.write_text(f"who,words\n{ROWS}")
    return str(path)


def labels_of(corpus: Corpus, runs: LabelRuns, size: int) -> list[str]:
    return [(*corpus.label_names, "")[number] for number in runs.at(np.arange(size))]


def require_own_labels(corpus: Corpus, text: str, runs: LabelRuns) -> None:
    """Every line of ``text`` has one label, the one that it begins with, to its end."""
    labels = labels_of(corpus, runs, len(text))
    start = 0
    for line in text.splitlines(keepends=True):
        assert set(labels[start : start + len(line)]) == {line.split()[0].lower()}
        start += len(line)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("folder", ["poems", "letters"]), ("file", ["ada", "ben-jonson"])],
)
def test_files_are_labelled_by_their_folder_or_by_the_first_part_of_their_name(
    tmp_path: Path, kind: str, expected: list[str]
) -> None:
    (tmp_path / "Poems").mkdir()
    (tmp_path / "letters").mkdir()
    (tmp_path / "Poems" / "Ada_the_first.txt").write_text("first")
    (tmp_path / "letters" / "_Ben Jonson.old.txt.gz").write_bytes(gzip.compress(b"second\n"))
    paths = [str(tmp_path / "Poems"), str(tmp_path / "letters")]
    corpus = read_corpora(paths, ReadOptions(label=kind))
    assert corpus.text[:] == "first\nsecond\n"
    assert labels_of(corpus, corpus.labels, 13) == [expected[0]] * 6 + [expected[1]] * 7
    assert list(corpus.label_names) == sorted(expected)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Jane Austen", "jane-austen"),
        ("a:b, c", "a-b-c"),
        ("up..down", "up-down"),
        ("J. R. R.", "j.-r.-r."),
        ("\x1b[31mred\u0000", "31mred"),
        ("名前", "名前"),
        ("", ""),
        (":-)", ""),
        ("x" * 99, "x" * 40),
    ],
)
def test_a_label_is_a_word_that_can_be_typed(name: str, label: str) -> None:
    assert clean_label(name) == label


def test_a_column_and_a_field_label_the_rows(tmp_path: Path, table: str) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "one", "by": "B"}\n{"text": "two"}\n{"text": "three", "by": "a"}\n')
    corpus = read_corpora([str(tmp_path / "rows.jsonl")], ReadOptions(label="author", label_column="by"))
    assert corpus.text == "one\n\ntwo\n\nthree\n"
    assert labels_of(corpus, corpus.labels, 16) == ["b"] * 5 + [""] * 5 + ["a"] * 6
    rows = read_corpora([table], ReadOptions(label="author", label_column="who"))
    assert rows.label_names == ("ada", "zoë")
    for unlabelled in (ReadOptions(label_column="who"), ReadOptions(label_column="1")):
        assert read_corpora([table], unlabelled).text == rows.text
    with pytest.raises(UsageError, match="--label-column is for tables and JSON, and no text"):
        load_corpus([str(Path(__file__).parent / "data" / "lamp.txt")], ReadOptions(label_column="who"))


@pytest.mark.parametrize("tight", [False, True])
@pytest.mark.parametrize("kind", ["char", "byte", "word"])
def test_shuffled_lines_keep_their_labels_in_every_part_and_in_every_token(
    table: str, tight: bool, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if tight:
        monkeypatch.setattr(chunks, "CHUNK_CHARS", 100)
        monkeypatch.setattr(shuffle, "MAX_CHARS_IN_MEMORY", 300)
    options = ReadOptions(lines=True, label="author", label_column="who")
    for _ in ("written", "from the cache"):
        corpus = load_corpus([table], options)
        require_own_labels(corpus, corpus.text[:], corpus.labels)
        require_own_labels(corpus, corpus.train_text[:], corpus.train_labels)
        for part in (*corpus.valid, *corpus.test):
            require_own_labels(corpus, part.text, part.labels)
        tokenizer: Tokenizer = {
            "char": CharTokenizer.from_text(corpus.text),
            "byte": ByteTokenizer(),
            "word": WordTokenizer.from_text(corpus.text, 400),
        }[kind]
        tokens = load_tokens(corpus, tokenizer)
        assert tokenizer.decode(tokens[:]) == corpus.train_text[:]
        labels = tokens.labels.at(np.arange(len(tokens)))
        for label, name in enumerate(corpus.label_names):
            text = tokenizer.decode(tokens[:][labels == label])
            assert {line.split()[0].lower() for line in text.splitlines()} == {name}


def test_a_cached_text_without_its_labels_is_read_again(home: Path, table: str) -> None:
    options = ReadOptions(label="author", label_column="who")
    before = load_corpus([table], options)
    assert len(load_tokens(before, ByteTokenizer()).labels) > 0
    for path in (home / "cache").glob("*.labels"):
        path.unlink()
    corpus = load_corpus([table], options)
    assert np.array_equal(corpus.labels.ends, before.labels.ends)
    assert len(load_tokens(corpus, ByteTokenizer()).labels) > 0


@examples(100)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(-1, 3)), max_size=8), st.data())
def test_the_labels_of_ranges_are_those_of_their_characters(runs: list[tuple[int, int]], data: st.DataObject) -> None:
    sizes, ids = [size for size, _ in runs], [number for _, number in runs]
    whole = join_runs([LabelRuns(np.array([size]), np.array([number])) for size, number in runs])
    flat = np.repeat(ids, sizes)
    assert [*whole.at(np.arange(len(flat)))] == [*flat]
    bound = st.integers(0, len(flat))
    ranges = data.draw(st.lists(st.tuples(bound, bound), max_size=4))
    selected = [number for start, end in ranges for number in flat[start:end]]
    assert [*whole.select(ranges).at(np.arange(len(selected)))] == selected
