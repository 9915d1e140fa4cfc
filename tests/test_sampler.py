"""The sampler: every filter against rows worked out by hand, and what holds for the chain whatever the row."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from afterglow.core import sampler
from afterglow.core.dice import Dice
from afterglow.core.settings import SPECS, Settings
from hypothesis import given, settings
from hypothesis import strategies as st

P = np.log([[0.4, 0.3, 0.2, 0.1]])
EVEN = np.log([[0.25, 0.25, 0.25, 0.25]])
FIRST, TWO, THREE, ALL = {0}, {0, 1}, {0, 1, 2}, {0, 1, 2, 3}

always = settings(derandomize=True, deadline=None, max_examples=150)


def kept(logits: np.ndarray) -> set[int]:
    return set(np.flatnonzero(np.isfinite(logits[0])).tolist())


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float64)[:, None]


@pytest.mark.parametrize(("k", "left"), [(0, ALL), (1, FIRST), (2, TWO), (3, THREE), (4, ALL), (1000, ALL)])
def test_top_k_by_hand(k: int, left: set[int]) -> None:
    assert kept(sampler.top_k_kept(P, column(k))) == left
    assert len(kept(sampler.top_k_kept(EVEN, column(k)))) == len(left)  # of equals the lower id counts as likelier


@pytest.mark.parametrize(
    ("p", "left"), [(1, ALL), (0.95, ALL), (0.85, THREE), (0.6, TWO), (0.39, FIRST), (0.01, FIRST), (0, FIRST)]
)
def test_top_p_by_hand(p: float, left: set[int]) -> None:
    assert kept(sampler.top_p_kept(P, column(p))) == left


@pytest.mark.parametrize(("p", "left"), [(0, ALL), (0.2, ALL), (0.3, THREE), (0.6, TWO), (0.76, FIRST), (1, FIRST)])
def test_min_p_by_hand(p: float, left: set[int]) -> None:
    assert kept(sampler.min_p_kept(P, column(p))) == left


# The entropy of P is 1.280 nats; the surprises are 0.916, 1.204, 1.609, 2.303; so by distance: 1, 2, 0, 3.
@pytest.mark.parametrize(("p", "left"), [(1, ALL), (0.95, ALL), (0.8, THREE), (0.45, {1, 2}), (0.2, {1}), (0, {1})])
def test_typical_by_hand(p: float, left: set[int]) -> None:
    assert math.isclose(sampler.entropy(P)[0] * math.log(2), 1.2799, abs_tol=1e-4)
    assert kept(sampler.typical_kept(P, column(p))) == left


def test_repeat_penalty_by_hand() -> None:
    logits = np.array([[2.0, -2.0, 0.0, 1.0]])
    seen = np.array([[True, True, True, False]])
    assert sampler.repeat_penalised(logits, column(2), seen).tolist() == [[1.0, -4.0, 0.0, 1.0]]
    assert sampler.repeat_penalised(logits, column(0.5), seen).tolist() == [[4.0, -1.0, 0.0, 1.0]]


@pytest.mark.parametrize(
    ("window", "recent", "seen"),
    [(2, [0, 1, 2], {1, 2}), (0, [0, 1, 2], set()), (64, [3], {3}), (64, [], set()), (1, [0, 0, 1], {1})],
)
def test_the_repeat_window_looks_that_far_back(window: int, recent: list[int], seen: set[int]) -> None:
    chosen = Settings(repeat_penalty=2.0, repeat_window=window)
    shaped = sampler.shape(EVEN, [chosen], [1.0], [recent])
    assert {i for i in range(4) if shaped[0, i] < shaped.max() - 1e-9} == (seen if len(seen) < 4 else set())


@pytest.mark.parametrize(
    ("temperature", "probs"),
    [
        (1.0, [0.4, 0.3, 0.2, 0.1]),
        (0.5, [16 / 30, 9 / 30, 4 / 30, 1 / 30]),
        (0.0, [1, 0, 0, 0]),
        (5.0, [p**0.2 / (0.4**0.2 + 0.3**0.2 + 0.2**0.2 + 0.1**0.2) for p in (0.4, 0.3, 0.2, 0.1)]),
    ],
)
def test_temperature_by_hand(temperature: float, probs: list[float]) -> None:
    shaped = sampler.shape(P, [Settings()], [temperature], [[]])
    assert np.exp(shaped)[0] == pytest.approx(probs, abs=1e-12)


@pytest.mark.parametrize("temperature", [1e-3, 1e-100, 1e-300, 5e-324])
def test_a_temperature_next_to_zero_is_all_but_greedy(temperature: float) -> None:
    shaped = sampler.shape(P, [Settings()], [temperature], [[]])
    assert np.exp(shaped)[0] == pytest.approx([1, 0, 0, 0], abs=1e-12)


def test_the_order_is_penalties_top_k_typical_top_p_min_p_temperature() -> None:
    assert list(sampler._FILTERS) == ["repeat_penalty", "top_k", "typical", "top_p", "min_p"]
    # Top-k first leaves 4/7 and 3/7, and 4/7 alone reaches 0.55; top-p first would need two of 0.4 + 0.3.
    assert kept(sampler.shape(P, [Settings(top_k=2, top_p=0.55)], [1.0], [[]])) == FIRST
    # A high temperature does not let a token back in that min-p cut before it.
    assert kept(sampler.shape(P, [Settings(min_p=0.6)], [5.0], [[]])) == TWO


def test_greedy_takes_the_first_of_equals() -> None:
    assert kept(sampler.shape(EVEN, [Settings()], [0.0], [[]])) == FIRST


@pytest.mark.parametrize(
    ("uniform", "token"), [(0, 0), (0.39, 0), (0.41, 1), (0.69, 1), (0.71, 2), (0.91, 3), (1 - 2**-32, 3)]
)
def test_a_uniform_picks_where_the_sum_first_passes_it(uniform: float, token: int) -> None:
    assert sampler.pick(P, column(uniform)).tolist() == [token]


@pytest.mark.parametrize("uniform", [0.0, 0.5, 1 - 2**-32])
def test_a_token_that_was_cut_is_never_picked(uniform: float) -> None:
    logprobs = np.log(
        np.array([[0.0, 0.1, 0.2, 0.0, 0.7, 0.0]]), where=[[0, 1, 1, 0, 1, 0]], out=np.full((1, 6), -np.inf)
    )
    assert sampler.pick(logprobs, column(uniform))[0] in {1, 2, 4}


def test_what_is_told_of_a_draw() -> None:
    drawn = sampler.draw_tokens(P.astype(np.float32), [Settings(top_k=2)], [0.5], [[]], [0.9])
    assert drawn.ids.tolist() == [1]
    assert drawn.rank.tolist() == [2]
    assert np.exp(drawn.logprob) == pytest.approx([0.3], abs=1e-6)  # the model's own
    assert np.exp(drawn.shaped) == pytest.approx([9 / 25], abs=1e-6)  # 16 : 9 after top-k and T = 0.5
    assert drawn.entropy == pytest.approx([1.8464], abs=1e-3)  # bits, of the model's own


def test_a_forced_token_is_taken_whatever_the_dice_say() -> None:
    logits = np.repeat(P, 2, axis=0).astype(np.float32)
    drawn = sampler.draw_tokens(logits, [Settings()] * 2, [1.0] * 2, [[]] * 2, [0.0, 0.0], [3, None])
    assert drawn.ids.tolist() == [3, 0]
    assert drawn.rank.tolist() == [4, 1]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.5])
def test_two_hundred_thousand_draws_follow_the_distribution(temperature: float) -> None:
    draws, at_once = 200_000, 2_000
    probs = np.array([0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.03, 0.015, 0.005])
    logits = np.repeat(np.log(probs)[None], at_once, axis=0).astype(np.float32)
    dice, counts, chosen = Dice(20_240_607), np.zeros(10), Settings(temperature=temperature)
    for first in range(0, draws, at_once):
        uniforms = [dice.uniform(first + n) for n in range(at_once)]
        drawn = sampler.draw_tokens(logits, [chosen] * at_once, [temperature] * at_once, [[]] * at_once, uniforms)
        counts += np.bincount(drawn.ids, minlength=10)
    expected = draws * probs ** (1 / temperature) / (probs ** (1 / temperature)).sum()
    assert ((counts - expected) ** 2 / expected).sum() < 27.88  # chi-square, 9 degrees of freedom, p = 0.001


# What holds for every row -------------------------------------------------------------------------------------------

LOGITS = st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=12)
UNIFORM = st.integers(0, 2**32 - 1).map(lambda n: n / 2**32)
PARTS: dict[str, st.SearchStrategy[Any]] = {
    "top_k": st.integers(0, 15),
    "top_p": st.floats(0, 1),
    "min_p": st.floats(0, 1),
    "typical": st.floats(0, 1),
    "repeat_penalty": st.floats(0.1, 10),
    "repeat_window": st.integers(0, 8),
}
CHAINS = st.builds(Settings, temperature=st.one_of(st.just(0.0), st.just(1.0), st.floats(0.01, 5)), **PARTS)
OFF = {name: spec.off for name, spec in SPECS.items() if spec.off is not None}


def shaped(logits: list[float], chosen: Settings, recent: list[int] | None = None) -> np.ndarray:
    raw = sampler.log_softmax(np.array([logits], np.float64))
    assert isinstance(chosen.temperature, float)
    return sampler.shape(raw, [chosen], [chosen.temperature], [recent or []])


@always
@given(LOGITS, CHAINS, st.lists(st.integers(0, 0), max_size=3), UNIFORM)
def test_a_chain_gives_probabilities_and_the_draw_stays_among_them(
    logits: list[float], chosen: Settings, recent: list[int], uniform: float
) -> None:
    logprobs = shaped(logits, chosen, recent)
    assert np.exp(logprobs).sum() == pytest.approx(1, abs=1e-9)
    assert kept(logprobs), "a support is never empty"
    assert np.exp(logprobs[0, sampler.pick(logprobs, column(uniform))[0]]) > 0


@always
@given(LOGITS, st.floats(0.01, 5), st.sets(st.sampled_from(sorted(OFF))))
def test_off_values_change_nothing_bit_for_bit(logits: list[float], temperature: float, off: set[str]) -> None:
    raw = sampler.log_softmax(np.array([logits], np.float64))
    explicit = Settings(temperature=temperature, **{name: OFF[name] for name in off})
    assert shaped(logits, explicit).tobytes() == shaped(logits, Settings(temperature=temperature)).tobytes()
    assert shaped(logits, Settings(**{name: OFF[name] for name in off})).tobytes() == raw.tobytes()


@pytest.mark.parametrize("name", OFF)
@always
@given(logits=LOGITS)
def test_a_filter_that_is_off_passes_its_row_on_untouched(name: str, logits: list[float]) -> None:
    row = np.array([logits])
    seen = np.ones_like(row, bool)
    assert sampler._FILTERS[name](row, column(OFF[name]), seen).tobytes() == row.tobytes()


@pytest.mark.parametrize(("name", "tightest"), [("top_k", 1), ("top_p", 0.0), ("min_p", 1.0), ("typical", 0.0)])
@always
@given(logits=LOGITS, chosen=CHAINS, data=st.data())
def test_a_tighter_filter_keeps_a_subset(
    name: str, tightest: float, logits: list[float], chosen: Settings, data: st.DataObject
) -> None:
    """Of its own; in a chain only for the last filter, since a cut before moves what the next one measures."""
    alone = Settings()
    values = [data.draw(PARTS[name]) for _ in range(2)]
    wide, narrow = sorted(values, key=lambda v: abs(v - tightest) if v or name != "top_k" else 10**9, reverse=True)
    subset = kept(shaped(logits, alone.changed(**{name: narrow})))
    assert kept(shaped(logits, alone.changed(**{name: tightest}))) <= subset
    assert subset <= kept(shaped(logits, alone.changed(**{name: wide}))) <= kept(shaped(logits, alone))
    if name == "min_p":
        hot = chosen.changed(temperature=1.0)
        assert kept(shaped(logits, hot.changed(min_p=narrow))) <= kept(shaped(logits, hot.changed(min_p=wide)))


@always
@given(LOGITS, CHAINS)
def test_every_filter_along_the_chain_only_takes_away(logits: list[float], chosen: Settings) -> None:
    so_far, before = replace(Settings(), repeat_penalty=chosen.repeat_penalty), set(range(len(logits)))
    for name in ("top_k", "typical", "top_p", "min_p", "temperature"):
        so_far = so_far.changed(**{name: getattr(chosen, name)})
        after = kept(shaped(logits, so_far))
        assert after <= before, name
        before = after


@always
@given(st.integers(1, 9), st.lists(st.tuples(CHAINS, UNIFORM), min_size=1, max_size=6), st.data())
def test_a_row_does_not_depend_on_its_batch_bit_for_bit(
    width: int, rows: list[tuple[Settings, float]], data: st.DataObject
) -> None:
    logits = np.array(
        [data.draw(st.lists(st.floats(-30, 30, width=32), min_size=width, max_size=width)) for _ in rows], np.float32
    )
    chosen, uniforms = [s for s, _ in rows], [u for _, u in rows]
    recent = [data.draw(st.lists(st.integers(0, width - 1), max_size=4)) for _ in rows]
    heats = [float(s.temperature_at(0)) for s in chosen]
    together = sampler.draw_tokens(logits, chosen, heats, recent, uniforms)
    for n in range(len(rows)):
        one = slice(n, n + 1)
        alone = sampler.draw_tokens(logits[one], chosen[one], heats[one], recent[one], uniforms[one])
        assert [c[one].tobytes() for c in together] == [c.tobytes() for c in alone]


def test_a_plain_row_stays_itself_beside_a_filtered_one() -> None:
    """At T = 1 with every filter off a row is not normalised a second time because its neighbour is."""
    logits = np.random.default_rng(1).normal(0, 3, (64, 50)).astype(np.float32)
    plain, other = Settings(), Settings(top_k=3, temperature=0.7)
    for row in logits:
        alone = sampler.draw_tokens(row[None], [plain], [1.0], [[]], [0.5])
        beside = sampler.draw_tokens(np.stack([row, row]), [plain, other], [1.0, 0.7], [[], []], [0.5, 0.5])
        assert beside.shaped[0] == alone.shaped[0]


def test_entropy_counts_yes_no_questions() -> None:
    assert sampler.entropy(EVEN) == pytest.approx([2.0])
    with np.errstate(divide="ignore"):
        assert sampler.entropy(np.log([[0.0, 1.0]])) == pytest.approx([0.0])
