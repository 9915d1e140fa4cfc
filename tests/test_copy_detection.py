"""The copy meter against counting by hand, and its index against the exact lengths."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from afterglow.core.errors import ModelError
from afterglow.core.inference.model_file import ModelFile, open_model_file
from afterglow.core.model import Model, load
from afterglow.core.text import copy_index
from afterglow.core.text.copy_detection import (
    CopyDetector,
    CopyMatch,
    CopyReport,
    copied_run_lengths,
    find_copied,
    indexed_run_lengths,
)
from afterglow.core.text.copy_index import MIN_RUN, CopyIndex, compute_fingerprints
from afterglow.core.text.copy_tracker import CopyTracker
from afterglow.repl.__main__ import main
from hypothesis import given
from hypothesis import strategies as st

from .properties import examples

LAMP = Path(__file__).parent / "data" / "lamp.txt"
TEXT = LAMP.read_text("utf-8")
TRAINED = TEXT[: len(TEXT) * 9 // 10]


def by_hand(written: str, text: str) -> list[int]:
    """For every character the longest run around it, tried out one by one."""
    runs = [0] * len(written)
    for start in range(len(written)):
        end = start
        while end < len(written) and written[start : end + 1] in text:
            end += 1
        for at in range(start, end):
            runs[at] = max(runs[at], end - start)
    return [run if run >= MIN_RUN else 0 for run in runs]


@examples(60)
@given(st.lists(st.one_of(st.text("lamp é\U0001d11e", max_size=20), st.integers(0, 400)), max_size=8))
def test_exact_runs_are_those_counted_by_hand(parts: list[str | int]) -> None:
    written = "".join(TEXT[part : part + 5 + part % 40] if isinstance(part, int) else part for part in parts)
    text = TEXT[:500]
    assert copied_run_lengths(written, text).tolist() == by_hand(written, text)


def sampled(text: str, modulus: int) -> CopyIndex:
    """An index as earlier releases built it."""
    hashes = compute_fingerprints(text)
    return CopyIndex.from_sample(
        modulus, np.unique(hashes[hashes % np.uint64(modulus) == 0] >> np.uint64(32)).astype("u4")
    )


def copy_of(text: str, parts: list[str | int]) -> str:
    """Pieces of ``text`` with others between them."""
    return "".join(text[part : part + 12 + part % 67] if isinstance(part, int) else part for part in parts)


WRITTEN = st.lists(st.one_of(st.text("ab\n é\U0001d11e", max_size=20), st.integers(0, 400)), max_size=8)


@examples(150)
@given(
    st.one_of(st.text("ab", min_size=30, max_size=400), st.text("abc \n", max_size=400), st.just(TEXT[:500])),
    WRITTEN,
    st.sampled_from([0, 1100, 1200, 1500, 1 << 14]),
    st.sampled_from([1, 2, 5, 20]),
)
def test_no_match_is_longer_than_what_stands_in_the_text(
    text: str, parts: list[str | int], budget: int, modulus: int
) -> None:
    """Texts of two letters have the same 16 characters in many places, so that whatever is joined too soon shows."""
    written = copy_of(text, parts)
    exact = copied_run_lengths(written, text)
    for index in (CopyIndex.build(text, budget), sampled(text, modulus)):
        assert (indexed_run_lengths(written, index) <= exact).all()
    assert np.array_equal(find_copied([written], text), exact > 0)


@examples(60)
@given(WRITTEN)
def test_an_index_of_all_runs_notices_all_that_is_copied(parts: list[str | int]) -> None:
    written, index = copy_of(TEXT, parts), CopyIndex.build(TEXT, 1 << 16)
    assert index.is_complete
    assert np.array_equal(indexed_run_lengths(written, index) > 0, copied_run_lengths(written, TEXT) > 0)


def test_the_length_of_a_run_is_told_as_far_as_it_is_known() -> None:
    index = CopyIndex.build(TRAINED, 1 << 20)
    lengths = [indexed_run_lengths(TRAINED[500 : 500 + size], index).max() for size in (15, 16, 23, 24, 47, 48, 200)]
    assert lengths == [0, 16, 16, 24, 32, 48, 64]


def test_two_runs_that_stand_in_different_places_are_not_joined() -> None:
    text = "of the house of York?..........\n\nKING RICHARD III:"
    written = text[:21] + text[-19:]
    assert all(written[at : at + MIN_RUN] in text for at in (*range(6), *range(21, 25)))
    assert indexed_run_lengths(written, CopyIndex.build(text, 1 << 14)).max() == MIN_RUN
    assert indexed_run_lengths(written, sampled(text, 1)).max() == MIN_RUN


def test_what_stands_in_the_text_most_often_is_in_the_index_first() -> None:
    dice = random.Random(1)
    strange = "".join(dice.choice("abcdefgh ") for _ in range(3000))
    text = "\n".join(f"DUKE VINCENTIO:\n{strange[at : at + 100]}" for at in range(0, 3000, 100))
    index = CopyIndex.build(text, 4 * 257 + 4 * 100)
    assert len(index.prints) == 100
    assert not index.is_complete
    assert (
        indexed_run_lengths("?" * 20 + "DUKE VINCENTIO:\n" + "?" * 20, index).tolist()
        == [0] * 20 + [16] * 16 + [0] * 20
    )
    assert not indexed_run_lengths("".join(dice.choice("abcdefgh ") for _ in range(3000)), index).any()


@pytest.mark.parametrize("budget", [0, 3, 4 * 257, 1100, 1500, 5000, 10**6])
def test_an_index_keeps_to_its_budget_and_uses_it(budget: int) -> None:
    index = CopyIndex.build(TRAINED, budget)
    distinct = len(np.unique(compute_fingerprints(TRAINED)))
    assert index.prints.nbytes + index.starts.nbytes <= max(budget, 4 * 257)
    assert index.prints.nbytes >= min(distinct * 4, budget - 4 * 257) * 0.9 - 16
    assert index.is_complete == (budget == 10**6)


def test_of_a_long_text_some_chunks_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_index, "CHUNK_CHARS", 500)
    index = CopyIndex.build(TEXT, 1 << 20)
    count = copy_index.MAX_INDEXED_CHUNKS
    chunks = [TEXT[number * len(TEXT) // count :][:500] for number in range(count)]
    assert not index.is_complete
    assert all((indexed_run_lengths(chunk, index) > 0).all() for chunk in chunks)
    across = chunks[0][-12:] + chunks[1][:12]
    assert not indexed_run_lengths(across, index).any()


def test_coverage_is_the_chance_that_one_of_the_fingerprints_is_looked_at() -> None:
    index = sampled("", 4)
    assert [index.coverage(n) for n in (15, 16, 17)] == [0, 0.25, pytest.approx(1 - 0.75**2)]
    assert CopyIndex.build(TRAINED, 1 << 20).coverage(16) == 1
    assert CopyIndex.build(TRAINED, 2000).coverage(16) is None


@pytest.mark.parametrize("step", [1, 3, 100])
def test_the_meter_marks_a_run_as_it_comes_whatever_the_pieces(step: int) -> None:
    meter, written = CopyDetector(CopyIndex.build(TRAINED, 1 << 20)), "?" * 30 + TRAINED[500:540] + "???"
    last = None
    for at in range(0, len(written), step):
        copied = meter.push(written[at : at + step])
        if copied:
            last = (at + min(step, len(written) - at) - copied.chars_after, copied.length)
    assert last == (70, 32)


def test_a_run_shows_with_its_sixteenth_character_and_ends_where_the_text_parts() -> None:
    meter = CopyDetector(CopyIndex.build(TRAINED, 1 << 20))
    assert [meter.push(c) for c in TRAINED[:17]] == [None] * 15 + [CopyMatch(16, 0), CopyMatch(16, 0)]
    assert meter.push("Ω") is None


def test_the_rolling_hash_is_the_one_of_the_array() -> None:
    written = "naïve \U0001d11e " + TRAINED[:60]
    meter = CopyDetector(sampled(written, 1))
    assert all([meter.push(character) for character in written][MIN_RUN - 1 :])


def test_novelty_counts_characters_by_the_run_they_are_in() -> None:
    told = CopyReport.from_runs(np.array([0, 0, 16, 40]))
    assert (told.longest, told.shares[16], told.shares[32], told.shares[48]) == (40, 0.5, 0.25, 0)
    assert CopyReport.from_runs(np.zeros(0, np.int64)).longest == 0


@examples(40)
@given(st.lists(st.one_of(st.text("lamp ?", max_size=20), st.integers(0, 900)), max_size=8), st.integers(1, 5))
def test_marks_are_the_runs_of_the_meter_whatever_the_tokens(parts: list[str | int], size: int) -> None:
    written = "".join(TEXT[part : part + 5 + part % 40] if isinstance(part, int) else part for part in parts)
    index = CopyIndex.build(TRAINED, 1 << 20)
    marks, runs = CopyTracker(CopyDetector(index)), indexed_run_lengths(written, index)
    marks.add_seed(written[:7])
    tokens = [written[at : at + size] for at in range(7, len(written), size)]
    for token in tokens:
        marks.add_token(token)
    copied = [marks.run_length(number) > 0 for number in range(len(tokens))]
    assert copied == [bool(runs[7 + number * size]) for number in range(len(tokens))]
    assert marks.share == pytest.approx(sum(copied) / max(1, len(tokens)))
    assert marks.longest_run == runs.max(initial=0)


def test_marks_tell_where_they_begin_anew() -> None:
    marks = CopyTracker(CopyDetector(CopyIndex.build(TRAINED, 1 << 20)))
    marks.add_seed("Ω")
    assert [marks.add_token(c) for c in TRAINED[:18]] == [None] * 15 + [0, 16, 17]
    assert marks.add_token("Ω") is None
    assert [marks.run_length(number) for number in (0, 17, 18)] == [16, 16, 0]


# In a model file ----------------------------------------------------------------------------------------------------


@pytest.fixture
def indexed(tiny: Model, tmp_path: Path) -> Path:
    path = tmp_path / "indexed.safetensors"
    file = tiny.file
    ModelFile(file.architecture, file.tokenizer, file.card, file.tensors, index=CopyIndex.build(TRAINED, 4000)).save(
        path
    )
    return path


def test_the_index_travels_in_the_file_and_is_no_part_of_its_identity(indexed: Path, tiny: Model) -> None:
    file = open_model_file(indexed)
    assert file.index
    assert np.array_equal(file.index.prints, CopyIndex.build(TRAINED, 4000).prints)
    assert file.sha256 == tiny.file.sha256
    assert load(str(indexed)).copy_detector()
    assert tiny.copy_detector() is None


@pytest.mark.parametrize(
    "change",
    [
        (b'\\"all\\": ', b'\\"alb\\": '),
        (b'\\"runs\\": [16', b'\\"runs\\": [17'),
        (b'"index.starts"', b'"index.startz"'),
        (b'"index.prints"', b'"index.printz"'),
        (b'"dtype":"U32"', b'"dtype":"I32"'),
    ],
    ids=str,
)
def test_an_index_that_is_none_is_refused(indexed: Path, change: tuple[bytes, bytes]) -> None:
    data = indexed.read_bytes()
    assert change[0] in data
    indexed.write_bytes(data.replace(*change))
    with pytest.raises(ModelError, match="not a usable model") as caught:
        open_model_file(indexed)
    assert "\n" not in str(caught.value)


def test_the_verb_measures_with_the_text_and_with_the_index(
    indexed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["afterglow", "novelty", *arguments])
        main()
        return capsys.readouterr().out

    exact = json.loads(run(str(indexed), str(LAMP), "--json", "--length", "1000", "-t", "0.3"))
    noticed = json.loads(run(str(indexed), "--json", "--length", "1000", "-t", "0.3"))
    assert exact["against"] == "lamp.txt, the part it was trained on"
    assert exact["copied_in_runs_of_16"] > 0.5
    assert exact["copied_in_runs_of_16"] > noticed["copied_in_runs_of_16"] > 0.2
    assert noticed["copied_is_minimum"]
    assert "copied_is_minimum" not in exact
    assert "copied in runs of 16     at least 0." in run(str(indexed), "--length", "1000")
    assert "at least" not in run(str(indexed), str(LAMP), "--length", "1000")
    other = tmp_path / "other.txt"
    other.write_text("nothing of that " * 3)
    assert json.loads(run(str(indexed), str(other), "--json"))["longest_copied_run"] == 0


def test_without_index_and_text_there_is_one_line(
    tiny: Model, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(Path(__file__).parent / "data" / "tiny-char.safetensors")
    monkeypatch.setattr(sys, "argv", ["afterglow", "novelty", path])
    with pytest.raises(SystemExit) as leaving:
        main()
    assert leaving.value.code == 1
    assert "has no index of its training text; name the text" in capsys.readouterr().err
    assert tiny.file.index is None


@pytest.mark.parametrize("modulus", [1, 997])
def test_a_run_in_one_of_several_texts_is_found_whatever_the_others_know(modulus: int) -> None:
    index, empty = CopyIndex.build(TRAINED, 1 << 20), sampled("", modulus)
    written = "?" * 30 + TRAINED[500:540] + "???"
    alone = indexed_run_lengths(written, index)
    assert alone.max() == 32
    assert np.array_equal(indexed_run_lengths(written, empty, index), alone)
    assert np.array_equal(indexed_run_lengths(written, index, empty), alone)
