"""The figures between strict and diverse: by hand on small texts, and on what a model writes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from afterglow.core.diversity import ReferenceText, SampleConfig, count_repeated, measure_diversity, split_words
from afterglow.core.model import Model
from afterglow.core.score import logprobs
from afterglow.core.text.copy_index import MIN_RUN

from .cli_helpers import RunCli

DATA = Path(__file__).parent / "data"
TINY, LAMP = str(DATA / "tiny-char.safetensors"), DATA / "lamp.txt"


def test_words_are_letters_with_their_apostrophes_in_lower_case() -> None:
    assert split_words("The king's MEN, 'tis 42 naïve-ly") == ["the", "king's", "men", "tis", "naïve", "ly"]


def test_repeated_counts_sequences_of_four_that_stood_before() -> None:
    assert count_repeated(["a", "b", "c", "d", "a", "b", "c", "d"]) == (1, 5)
    assert count_repeated(["a", "b", "c", "d", "e", "f"]) == (0, 3)
    assert count_repeated(["a"]) == (0, 0)


def test_known_is_the_share_of_words_that_the_text_has() -> None:
    assert ReferenceText("the lamp burned low").known_share(["the", "lamp", "zzz", "lamp"]) == 0.75
    assert ReferenceText("the").known_share([]) == 0


TEXT = "It was a dark and stormy night; the rain fell in torrents, except at occasional intervals."


def copies(text: str, *samples: str) -> tuple[float, int]:
    """The copied characters of the samples, and the longest run."""
    report = ReferenceText(text).copy_report(samples)
    return report.shares[MIN_RUN] * report.characters, report.longest


def test_copied_characters_are_counted_where_they_begin_and_end() -> None:
    copied = TEXT[10:50]
    assert copies(TEXT, f"xxxx{copied}yyyy") == (len(copied), len(copied))


@pytest.mark.parametrize("sample", ["", "short", TEXT[10 : 10 + MIN_RUN - 1], "x" * 100])
def test_no_copy_where_less_than_sixteen_characters_are_the_same(sample: str) -> None:
    assert copies(TEXT, sample) == (0, 0)


def test_two_copies_count_apart_and_side_by_side() -> None:
    first, second = TEXT[:35], TEXT[40:80]
    both = len(first) + len(second)
    assert copies(TEXT, f"{first}{'-' * 40}{second}") == (both, len(second))
    assert copies(TEXT, first + second) == (both, len(second))
    assert copies(TEXT, first, second) == (both, len(second))


def test_a_copy_does_not_reach_across_samples() -> None:
    assert copies(TEXT, TEXT[:10], TEXT[10:20]) == (0, 0)


def test_a_reference_shorter_than_a_copy_has_none() -> None:
    assert copies("tiny", TEXT) == (0, 0)


def test_strict_text_is_known_and_diverse_text_is_surprising(tiny: Model) -> None:
    reference = ReferenceText(LAMP.read_text("utf-8"))
    cold, hot = measure_diversity(tiny, (0.1, 2.5), SampleConfig("The lamp", 2, 300), reference)
    assert (cold.temperature, cold.characters, hot.characters) == (0.1, 600, 600)
    assert cold.bits_per_char < hot.bits_per_char
    assert cold.known_words is not None
    assert hot.known_words is not None
    assert cold.known_words > hot.known_words
    assert cold.distinct_1 < hot.distinct_1
    assert cold.self_repetition > hot.self_repetition
    assert cold.copied is not None
    assert cold.longest_copy is not None
    assert cold.copied > 0.5  # the tiny model knows its text by heart
    assert cold.longest_copy >= 30


def test_diversity_and_novelty_say_the_same_of_one_text(run: RunCli) -> None:
    shown = ("-t", "0.5", "--length", "400", "--rng", "3", "--json")
    (row,) = json.loads(run("diversity", "-m", TINY, "-n", "1", "--seed", "\n", "--text", str(LAMP), *shown).out)
    other = json.loads(run("novelty", TINY, str(LAMP), *shown).out)
    assert row["copied"] == pytest.approx(other["copied_in_runs_of_16"], abs=1e-4)
    assert row["copied"] > 0
    assert row["longest_copy"] == other["longest_copied_run"]


def test_bits_per_character_is_what_the_model_says_of_the_text(tiny: Model) -> None:
    (measured,) = measure_diversity(tiny, (1.0,), SampleConfig("The lamp", 1, 200, rng=5))
    text = tiny.generate("The lamp", temperature=1.0, length=200, rng=5)
    ids = tiny.tokenizer.encode("The lamp" + text)
    surprise = -logprobs(tiny.runtime, ids)[-200:].sum() / math.log(2)
    assert measured.bits_per_char == pytest.approx(surprise / 200, rel=1e-6)


def test_measuring_twice_gives_the_same(tiny: Model) -> None:
    assert list(measure_diversity(tiny, (0.8,), SampleConfig())) == list(
        measure_diversity(tiny, (0.8,), SampleConfig())
    )


def test_verb_prints_a_row_for_each_temperature(run: RunCli) -> None:
    ran = run("diversity", "-m", TINY, "-t", "0.2", "-t", "1.5", "-l", "100", "-n", "2", "--text", str(LAMP))
    header, cold, hot, *_ = ran.out.splitlines()
    assert (ran.code, ran.err) == (0, "")
    assert header.split()[0] == "T"
    assert (cold.split()[0], hot.split()[0]) == ("0.2", "1.5")
    assert "–" not in ran.out


def test_verb_says_what_is_not_measured_without_a_text(run: RunCli) -> None:
    out = run("diversity", "-m", TINY, "-t", "1", "-l", "100").out
    assert "not measured: give the training text with --text FILE" in out
    assert "–" in out


def test_verb_says_so_where_the_text_is_another_one(run: RunCli, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("Some other text.")
    assert "is not the text that" in run("diversity", "-m", TINY, "-t", "1", "-l", "50", "--text", str(other)).out


def test_verb_as_json_and_as_a_picture(run: RunCli, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "d.svg"
    chosen = ("-m", TINY, "-t", "0.2", "-t", "1", "-l", "60", "-n", "1", "--json", "--plot", str(picture))
    ran = run("diversity", *chosen)
    rows = json.loads(ran.out)
    assert [row["temperature"] for row in rows] == [0.2, 1]
    assert rows[0]["known_words"] is None
    assert "<!-- needs" in picture.read_text("utf-8")  # letters are drawn; what they say is a comment
    assert run("diversity", "-m", TINY, "--text", "nowhere.txt").err.count("\n") == 1
