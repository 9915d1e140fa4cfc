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
from afterglow.core.text.copy_detection import (
    MIN_RUN,
    CopyDetector,
    CopyIndex,
    CopyMatch,
    CopyReport,
    compute_fingerprints,
    copied_run_lengths,
    indexed_run_lengths,
)
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


def test_an_index_that_looks_at_everything_notices_all(tiny: Model) -> None:
    written = tiny.generate("The lamp", length=800, temperature=1.0, rng=3) + TRAINED[100:300] + "Ω" * 40
    index = CopyIndex.build(TRAINED, 1 << 20)
    assert index.modulus == 1
    exact, noticed = copied_run_lengths(written, TRAINED), indexed_run_lengths(written, index)
    assert ((noticed > 0) == (exact > 0)).all()
    assert noticed[900] == pytest.approx(200, abs=40)


def test_a_sparse_index_notices_long_runs_and_invents_none() -> None:
    dice = random.Random(1)
    strange = "".join(dice.choice("abcdefgh ") for _ in range(3000))
    index = CopyIndex.build(TRAINED, 2000)
    assert index.modulus > 1
    assert not indexed_run_lengths(strange, index).any()
    missed = 0
    for start in range(0, 4000, 100):
        runs = indexed_run_lengths(strange[:50] + TRAINED[start : start + 60] + strange[50:100], index)
        assert not runs[:49].any()
        assert not runs[111:].any()
        missed += not runs.any()
    assert missed <= 40 * (1 - index.coverage(60)) + 2


@pytest.mark.parametrize("budget", [0, 3, 4, 100, 1500, 5000, 10**6])
def test_an_index_keeps_to_its_budget_and_uses_it(budget: int) -> None:
    index = CopyIndex.build(TRAINED, budget)
    distinct = len(np.unique(compute_fingerprints(TRAINED)))
    assert index.fingerprints.nbytes <= budget
    assert index.fingerprints.nbytes >= min(distinct * 4, budget) * 0.6 - 16
    assert (np.diff(index.fingerprints.astype(np.int64)) > 0).all()


def test_coverage_is_the_chance_that_one_of_the_fingerprints_is_looked_at() -> None:
    index = CopyIndex(4, np.zeros(0, np.uint32))
    assert [index.coverage(n) for n in (15, 16, 17)] == [0, 0.25, pytest.approx(1 - 0.75**2)]


@pytest.mark.parametrize("step", [1, 3, 100])
def test_the_meter_marks_a_run_as_it_comes_whatever_the_pieces(step: int) -> None:
    meter, written = CopyDetector(CopyIndex.build(TRAINED, 1 << 20)), "?" * 30 + TRAINED[500:540] + "???"
    last = None
    for at in range(0, len(written), step):
        copied = meter.push(written[at : at + step])
        if copied:
            last = (at + min(step, len(written) - at) - copied.chars_after, copied.length)
    assert last == (70, 40)


def test_a_run_shows_with_its_sixteenth_character_and_ends_where_the_text_parts() -> None:
    meter = CopyDetector(CopyIndex.build(TRAINED, 1 << 20))
    assert [meter.push(c) for c in TRAINED[:17]] == [None] * 15 + [CopyMatch(16, 0), CopyMatch(17, 0)]
    assert meter.push("Ω") is None


def test_the_rolling_hash_is_the_one_of_the_array() -> None:
    """A meter that looks at everything and knows every fingerprint but the last confirms all but that."""
    hashes = compute_fingerprints("naïve \U0001d11e " + TRAINED[:60])
    prints = np.sort(hashes >> np.uint64(32)).astype(np.uint32)
    meter = CopyDetector(CopyIndex(1, prints))
    found = [meter.push(c) for c in "naïve \U0001d11e " + TRAINED[:60]]
    assert all(found[MIN_RUN - 1 :])


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
    assert [marks.run_length(number) for number in (0, 17, 18)] == [18, 18, 0]


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
    assert np.array_equal(file.index.fingerprints, CopyIndex.build(TRAINED, 4000).fingerprints)
    assert file.sha256 == tiny.file.sha256
    assert load(str(indexed)).copy_detector()
    assert tiny.copy_detector() is None


@pytest.mark.parametrize(
    "change",
    [
        (b'\\"every\\": ', b'\\"evere\\": '),
        (b'\\"run\\": 16', b'\\"run\\": 17'),
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
    assert noticed["copied_in_runs_of_16"] == pytest.approx(exact["copied_in_runs_of_16"], abs=0.25)
    assert 0 < noticed["of_copied_runs_of_32_it_notices"] <= 1
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
    index, empty = CopyIndex.build(TRAINED, 1 << 20), CopyIndex(modulus, np.zeros(0, np.uint32))
    written = "?" * 30 + TRAINED[500:540] + "???"
    alone = indexed_run_lengths(written, index)
    assert alone.max() == 40
    assert np.array_equal(indexed_run_lengths(written, empty, index), alone)
    assert np.array_equal(indexed_run_lengths(written, index, empty), alone)
