"""The n-gram baseline against one that is counted with dictionaries."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from afterglow.core.text.corpus import read_corpus

pytest.importorskip("torch")

from afterglow.core.training.ngram_baseline import ngram_bits_per_char

CORPUS = read_corpus(Path(__file__).parent / "data" / "lamp.txt")
TEST = CORPUS.test[0].text


def by_hand(trained: str, validated: str, order: int) -> float:
    behind: dict[str, Counter[str]] = defaultdict(Counter)
    for n in range(order):
        for at in range(n, len(trained)):
            behind[trained[at - n : at]][trained[at]] += 1
    total = 0.0
    for at, character in enumerate(validated):
        chance = 1 / len(set(trained + validated))
        for n in range(min(order, at + 1)):
            seen = behind.get(validated[at - n : at])
            if seen is None:
                break
            chance = (seen[character] + len(seen) * chance) / (seen.total() + len(seen))
        total -= math.log2(chance)
    return total / len(validated)


@pytest.mark.parametrize("order", [1, 2, 3, 5, 8])
def test_counting_in_arrays_is_counting_in_dictionaries(order: int) -> None:
    expected = by_hand(CORPUS.train_text[:], TEST, order)
    assert ngram_bits_per_char(CORPUS.train_text[:], [TEST], order) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("trained", "validated"), [("aaaa", "b"), ("ab", "𝄞é"), ("ab" * 50, "abab")])
def test_what_was_never_seen_costs_something_finite(trained: str, validated: str) -> None:
    assert ngram_bits_per_char(trained, [validated], 5) == pytest.approx(by_hand(trained, validated, 5), rel=1e-9)


def test_no_context_reaches_into_the_slice_before() -> None:
    """The mean over two slices is that of each, counted alone."""
    first, second = TEST[:200], TEST[300:400]
    alone = [by_hand(CORPUS.train_text[:], part, 5) for part in (first, second)]
    expected = (200 * alone[0] + 100 * alone[1]) / 300
    assert ngram_bits_per_char(CORPUS.train_text[:], [first, second], 5) == pytest.approx(expected, rel=1e-4)
