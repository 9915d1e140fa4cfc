"""Every character is for one purpose: to learn from, to validate with, or to be held out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pytest
from afterglow.core.errors import TextError, UsageError
from afterglow.core.text import corpus as corpus_module
from afterglow.core.text import shuffle
from afterglow.core.text.corpus import Corpus, read_corpora, require_enough
from afterglow.core.text.formats import ReadOptions
from afterglow.core.text.split import DEFAULT_SPLIT, FIRST_SPLIT, Ranges, Split, thin
from hypothesis import given
from hypothesis import strategies as st

from .properties import examples

SPREAD = Split.parse(DEFAULT_SPLIT)
SPLITS = [DEFAULT_SPLIT, "spread:90/1/9", "spread:1/98/1", FIRST_SPLIT, "80/10/10"]


def size(ranges: Ranges) -> int:
    return sum(end - start for start, end in ranges)


def write(path: Path, text: str) -> str:
    path.write_text(text, "utf-8")
    return str(path)


@examples(200)
@given(st.sampled_from(SPLITS), st.lists(st.integers(0, 60_000), max_size=8))
def test_the_parts_cover_all_and_nothing_twice(written: str, sizes: Sequence[int]) -> None:
    ends = [sum(sizes[:count]) for count in range(1, len(sizes) + 1)]
    parts = Split.parse(written).divide(sum(sizes), ends)
    ranges = sorted(chain(*parts))
    assert all(start < end for start, end in ranges)
    assert [end for _, end in ranges[:-1]] == [start for start, _ in ranges[1:]]
    assert (ranges[0][0], ranges[-1][1]) == (0, sum(sizes)) if sum(sizes) else ranges == []


def test_contiguous_parts_are_where_the_world_has_them() -> None:
    assert Split.parse("80/15/5").divide(10_000, [3_000]) == (((0, 8_000),), ((8_000, 9_500),), ((9_500, 10_000),))
    first = Split.parse(FIRST_SPLIT).divide(10_000, [3_000])
    assert first == (((0, 4_400), (4_600, 9_000)), ((4_400, 4_600),), ((9_000, 10_000),))


def test_one_file_is_validated_all_over_and_its_end_is_held_out() -> None:
    parts = SPREAD.divide(1_000_000)
    assert parts.test == ((900_000, 1_000_000),)
    assert size(parts.valid) == pytest.approx(20_000, rel=0.01)
    starts = [start for start, _ in parts.valid]
    assert len(starts) == 16
    gaps = {second - first for first, second in zip([0, *starts], [*starts, 900_000], strict=True)}
    assert max(gaps) - min(gaps) < 2_000


def test_a_slice_is_a_whole_number_of_windows_and_a_character_before() -> None:
    for text in (5_000, 20_000, 150_000, 1_000_000):
        lengths = {end - start for start, end in SPREAD.divide(text).valid}
        assert {length % 256 for length in lengths} <= {1} or lengths == {100}


def test_of_every_file_there_is_some_in_each_part() -> None:
    """Files too small for a slice are split together."""
    sections = [(0, 100_000), (100_000, 210_000), (210_000, 225_000)]
    parts = SPREAD.divide(225_000, [100_000, 110_000, 210_000, 220_000, 221_000, 225_000])
    assert parts.test == tuple((end - (end - start) // 10, end) for start, end in sections)
    counts = [sum(start <= first < end for first, _ in parts.valid) for start, end in sections]
    assert counts == [8, 9, 1]


@pytest.mark.parametrize(("most", "lengths"), [(10_000, {512, 641}), (1_000, {257})])
def test_a_huge_text_is_judged_by_whole_windows_all_over_it(
    monkeypatch: pytest.MonkeyPatch, most: int, lengths: set[int]
) -> None:
    """The beginning of every slice, or whole windows of some: a character with nothing before it is hard to predict."""
    monkeypatch.setattr(corpus_module, "MAX_EVAL_CHARS", most)
    corpus = Corpus("t", "", "x" * 1_000_000)
    assert {len(part.text) for part in corpus.valid} <= lengths
    assert 0.75 * most <= sum(len(part.text) for part in corpus.valid) <= most
    starts = [start for start, _ in thin(corpus.parts.valid, most)]
    assert len(starts) == (16 if most == 10_000 else 3)
    assert starts[-1] - starts[0] > 400_000


def test_the_slices_of_validation_are_counted() -> None:
    described = [Corpus("t", "", "x" * size).describe_parts() for size in (5_000, 1_000_000)]
    assert described == [
        "88 % training, 2 % validation, 10 % test",
        "88 % training, 2 % validation in 16 slices, 10 % test",
    ]


def test_training_goes_up_to_what_is_held_out() -> None:
    corpus = Corpus("t", "", "".join(map(chr, range(1_000, 11_000))))
    assert ord(corpus.train_text[-1:]) + 1 == ord(corpus.test[0].text[0])


# Lines --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_memory", [True, False])
def test_equal_lines_are_all_learned_or_all_held_out(
    tmp_path: Path, in_memory: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not in_memory:
        monkeypatch.setattr(shuffle, "MAX_CHARS_IN_MEMORY", 300)
    names = [f"name {number % 600}" + " " * (number % 2) for number in range(3_000)]
    corpus = read_corpora([write(tmp_path / "names.txt", "\n".join(names))], ReadOptions(lines=True))
    assert sorted(corpus.text[:].splitlines()) == sorted(names)
    parts = [corpus.train_text[:], corpus.valid[0].text, corpus.test[0].text]
    assert sum(map(len, parts)) == len(corpus.text)
    learned, validated, held_out = ({line.strip() for line in part.splitlines()} for part in parts)
    assert not learned & (validated | held_out)
    assert not validated & held_out
    assert [len(part) / len(corpus.text) for part in parts] == pytest.approx([0.88, 0.02, 0.1], abs=0.005)
    assert corpus.notes == (
        "3,000 lines, shuffled; generated text ends at the end of a line",
        "2,400 of them repeat another one; equal lines are all learned or all held out",
        f"{len(parts[1].splitlines())} lines are for validation, {len(parts[2].splitlines())} are held out",
    )


def test_a_line_that_is_most_of_a_list_is_learned(tmp_path: Path) -> None:
    lines = ["often"] * 500 + [f"rare {number}" for number in range(100)]
    corpus = read_corpora([write(tmp_path / "a.txt", "\n".join(lines))], ReadOptions(lines=True))
    assert "often" not in corpus.test[0].text + corpus.valid[0].text
    assert corpus.test[0].text.count("\n") > 20


def test_lines_in_contiguous_parts_are_as_they_were_for_older_models(tmp_path: Path) -> None:
    """A model's held-out lines stay the same, so that its card stays true. Its copies are not kept together."""
    path = write(tmp_path / "names.txt", "".join(f"name {number}\n" for number in range(10)))
    corpus = read_corpora([path], ReadOptions(lines=True, split="70/10/20"))
    assert corpus.text[:].split() == [word for n in (7, 8, 1, 5, 3, 4, 2, 0, 9, 6) for word in ("name", str(n))]
    assert corpus.test[0].text == "name 9\nname 6\n"


def test_too_few_different_lines_are_read_but_not_trained_on(tmp_path: Path) -> None:
    path = write(tmp_path / "names.txt", "one\ntwo\n" * 1_000)
    corpus = read_corpora([path], ReadOptions(lines=True))
    assert sorted(corpus.text[:].split()) == ["one"] * 1_000 + ["two"] * 1_000
    with pytest.raises(TextError, match=r"names\.txt has too few different items"):
        require_enough(corpus)


@pytest.mark.parametrize(
    ("names", "lines", "words"),
    [(["a"], False, "last 10 %"), (["a", "b"], False, "last 10 % of each file"), (["a"], True, "10 % of the items")],
)
def test_what_is_held_out_is_said(tmp_path: Path, names: list[str], lines: bool, words: str) -> None:
    paths = [write(tmp_path / name, f"of {name}\n{name * 20_000}\nend\n") for name in names]
    assert read_corpora(paths, ReadOptions(lines=lines)).describe_test() == words


@pytest.mark.parametrize(
    "written",
    [
        "",
        "80/20",
        "80/10/5",
        "0/50/50",
        "90/0/10",
        "90/10/0",
        "80/10/x/10",
        "1/1/1/1/96",
        "spread:44/2/44/10",
        "spread:",
        "ends:80/10/10",
    ],
)
def test_what_is_no_split_is_said_in_one_line(written: str) -> None:
    with pytest.raises(UsageError, match="is not a split: give percentages"):
        Split.parse(written)


@pytest.mark.parametrize("kind", ["word", "bpe"])
def test_words_of_the_held_out_text_are_not_in_the_vocabulary(kind: str) -> None:
    """So that a figure is what the model does on a text with words that it has not seen."""
    pytest.importorskip("tokenizers")
    from afterglow.core.training.tokenizer_training import build_tokenizer

    corpus = Corpus("t", "", "the known words " * 900 + "zyxwvut unseen " * 100)
    tokenizer = build_tokenizer(corpus, kind, 600)
    assert len(tokenizer.encode(" known")) == 1
    assert len(tokenizer.encode(" zyxwvut")) > 2
