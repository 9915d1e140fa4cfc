"""A text in parts is the text: slices, stretches, counts and samples of it."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from afterglow.core.text import chunks
from afterglow.core.text.chunks import TextView, count_characters, iter_chunks, subsample
from hypothesis import given
from hypothesis import strategies as st

from .properties import examples

PLACES = st.one_of(st.none(), st.integers(-60, 60))


@examples(100)
@given(st.text(max_size=50), st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=4), PLACES, PLACES)
def test_a_part_is_sliced_like_the_str_that_it_stands_for(
    text: str, ends: list[tuple[int, int]], start: int | None, stop: int | None
) -> None:
    within = [tuple(sorted(min(len(text), end) for end in pair)) for pair in ends]
    part = TextView(text, *within)  # type: ignore[arg-type]
    whole = "".join(text[a:b] for a, b in within)
    assert (len(part), part[:], part[start:stop]) == (len(whole), whole, whole[start:stop])


@pytest.mark.parametrize("overlap", [0, 3, 20])
@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 53])
def test_stretches_cover_all_and_share_what_they_are_to_share(
    overlap: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK_CHARS", 10)
    text = "".join(map(chr, range(65, 65 + size)))
    found = list(iter_chunks(text, overlap))
    assert found[0] + "".join(after[overlap:] for after in found[1:]) == text
    assert all(before[-overlap:] == after[:overlap] for before, after in itertools.pairwise(found) if overlap)
    assert max(map(len, found)) <= 10 + overlap


@examples(100)
@given(st.text(st.characters(), max_size=80))
def test_characters_are_counted_in_the_order_of_code_points(text: str) -> None:
    assert list(count_characters(text).items()) == sorted(Counter(text).items())


def test_a_sample_is_spread_over_all_of_a_text_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_CHARS", 10)
    text = "".join(chr(at // 100 + 65) for at in range(2600))
    assert subsample(text, 2600)[:] == text
    some = subsample(text, 260)[:]
    assert (len(some), sorted(set(some))) == (260, sorted(set(text)))
