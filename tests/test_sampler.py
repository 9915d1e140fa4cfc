"""The sampler: every filter against rows worked out by hand, and what holds for the chain whatever the row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from afterglow.core.errors import UsageError
from afterglow.core.generation.stream import StreamOptions
from afterglow.core.model import Model
from afterglow.core.sampling import filters, sampler
from afterglow.core.sampling.rng import PositionRNG
from afterglow.core.setting_types import Ramp
from afterglow.core.settings import SPECS, Settings
from hypothesis import given
from hypothesis import strategies as st

from .kernel_helpers import KERNEL_PARAMS, KERNELS
from .properties import examples

P = np.log([[0.4, 0.3, 0.2, 0.1]])
EVEN = np.log([[0.25, 0.25, 0.25, 0.25]])
FIRST, TWO, THREE, ALL = {0}, {0, 1}, {0, 1, 2}, {0, 1, 2, 3}

always = examples(150)


def kept(logits: np.ndarray) -> set[int]:
    return set(np.flatnonzero(np.isfinite(logits[0])).tolist())


class Past:
    """What a row remembers."""

    def __init__(self, ids: Sequence[int] = (), bound: float = math.inf, bias: np.ndarray | None = None) -> None:
        self.ids, self.bound, self.bias = np.array(ids, np.int32), bound, bias

    def recent(self, n: int) -> np.ndarray:
        return self.ids[max(0, len(self.ids) - n) :] if n >= 0 else self.ids

    def surprise_bound(self) -> float:
        return self.bound

    def logit_bias(self) -> np.ndarray | None:
        return self.bias


def chained(logits: np.ndarray, *rows: Settings, recent: Sequence[Sequence[int]] = (), **more: Any) -> np.ndarray:
    """Log-probabilities (B, V) behind the whole chain."""
    heats = np.array([[s.temperature_at(0)] for s in rows])
    pasts = [Past(ids, **more) for ids in recent] or [Past(**more) for _ in rows]
    return filters.log_softmax(sampler.SamplerChain(rows).apply(logits, heats, pasts))


def column(*values: float) -> np.ndarray:
    return np.array(values, np.float64)[:, None]


@pytest.mark.parametrize(("k", "left"), [(0, ALL), (1, FIRST), (2, TWO), (3, THREE), (4, ALL), (1000, ALL)])
def test_top_k_by_hand(k: int, left: set[int]) -> None:
    assert kept(filters.top_k(P, column(k))) == left
    assert len(kept(filters.top_k(EVEN, column(k)))) == len(left)  # of equals the lower id counts as likelier


@pytest.mark.parametrize(
    ("p", "left"), [(1, ALL), (0.95, ALL), (0.85, THREE), (0.6, TWO), (0.39, FIRST), (0.01, FIRST), (0, FIRST)]
)
def test_top_p_by_hand(p: float, left: set[int]) -> None:
    assert kept(filters.top_p(P, column(p))) == left


@pytest.mark.parametrize(("p", "left"), [(0.25, 1), (0.26, 2), (0.5, 2), (0.75, 3), (0.76, 4)])
@pytest.mark.parametrize("nucleus", [filters.top_p, filters.typical])
def test_a_nucleus_ends_with_the_token_that_reaches_p(nucleus: Any, p: float, left: int) -> None:
    """Four tokens of a quarter each: two of them reach a half, and a third is not needed."""
    assert len(kept(nucleus(EVEN, column(p)))) == left


@pytest.mark.parametrize(("p", "left"), [(0, ALL), (0.2, ALL), (0.3, THREE), (0.6, TWO), (0.76, FIRST), (1, FIRST)])
def test_min_p_by_hand(p: float, left: set[int]) -> None:
    assert kept(filters.min_p(P, column(p))) == left


# The entropy of P is 1.280 nats; the surprises are 0.916, 1.204, 1.609, 2.303; so by distance: 1, 2, 0, 3.
@pytest.mark.parametrize(("p", "left"), [(1, ALL), (0.95, ALL), (0.8, THREE), (0.45, {1, 2}), (0.2, {1}), (0, {1})])
def test_typical_by_hand(p: float, left: set[int]) -> None:
    assert math.isclose(filters.entropy(P)[0] * math.log(2), 1.2799, abs_tol=1e-4)
    assert kept(filters.typical(P, column(p))) == left


def test_repeat_penalty_by_hand() -> None:
    logits = np.array([[2.0, -2.0, 0.0, 1.0]])
    counts = np.array([[1, 2, 1, 0]])
    assert filters.repeat_penalty(logits, column(2), counts).tolist() == [[1.0, -4.0, 0.0, 1.0]]
    assert filters.repeat_penalty(logits, column(0.5), counts).tolist() == [[4.0, -1.0, 0.0, 1.0]]
    assert filters.repeat_penalty(logits / 4, column(2), counts).tolist() == [[0.25, -1.0, 0.0, 0.25]]


def test_frequency_and_presence_penalty_by_hand() -> None:
    logits, counts = np.array([[2.0, -2.0, 0.0, 1.0]]), np.array([[1, 3, 0, 2]])
    assert filters.frequency_penalty(logits, column(0.5), counts).tolist() == [[1.5, -3.5, 0.0, 0.0]]
    assert filters.presence_penalty(logits, column(0.5), counts).tolist() == [[1.5, -2.5, 0.0, 0.5]]
    assert filters.frequency_penalty(logits, column(1.0), counts).tolist() == [[1.0, -5.0, 0.0, -1.0]]
    assert filters.presence_penalty(logits, column(1.0), counts).tolist() == [[1.0, -3.0, 0.0, 0.0]]
    both = Settings(frequency_penalty=0.5, presence_penalty=-1.0)
    assert chained(logits, both, recent=[[0, 1, 1, 1, 3, 3]]) == pytest.approx(
        filters.log_softmax(np.array([[2.5, -2.5, 0.0, 1.0]]))
    )


# The end of "abcab" is "ab", which stood at the beginning and was followed by "c": two tokens repeated.
@pytest.mark.parametrize(
    ("ids", "limit", "found"),
    [
        ([0, 1, 2, 0, 1], 9, {2: 2}),
        ([0, 1, 2, 0, 1], 1, {2: 1}),
        ([0, 1, 2, 0, 1], 0, {}),
        ([0, 0, 0], 9, {0: 2}),
        ([1, 0, 2, 0, 3, 0], 9, {2: 1, 3: 1}),
        ([5], 9, {}),
        ([], 9, {}),
    ],
)
def test_repeats_by_hand(ids: list[int], limit: int, found: dict[int, int]) -> None:
    tokens, lengths = filters.find_repeats(np.array(ids, np.int32), limit)
    longest: dict[int, int] = {}
    for token, length in zip(tokens.tolist(), lengths.tolist(), strict=True):
        longest[token] = max(length, longest.get(token, 0))
    assert longest == found


@always
@given(st.lists(st.integers(0, 2), max_size=30), st.integers(0, 12))
def test_repeats_are_those_that_a_slow_search_finds(ids: list[int], limit: int) -> None:
    found = []
    for end in range(len(ids) - 1):
        length = 0
        while length < min(limit, end + 1) and ids[end - length] == ids[len(ids) - 1 - length]:
            length += 1
        found += [(ids[end + 1], length)] if length else []
    tokens, lengths = filters.find_repeats(np.array(ids, np.int32), limit)
    assert list(zip(tokens.tolist(), lengths.tolist(), strict=True)) == found


def test_dry_by_hand() -> None:
    ids = np.array([0, 1, 2, 3, 0, 1, 2], np.int32)  # three tokens repeated; 3 would be the fourth
    row = np.zeros(4)
    assert filters.dry_penalty(row, ids, 0.8, 2.0, 2, 9).tolist() == [0, 0, 0, -1.6]  # 0.8 x 2^(3 - 2)
    assert filters.dry_penalty(row, ids, 0.8, 2.0, 3, 9).tolist() == [0, 0, 0, -0.8]
    assert filters.dry_penalty(row, ids, 0.8, 2.0, 4, 9).tolist() == [0, 0, 0, 0]


def test_dry_counts_no_more_than_sixty_four_repeated_tokens() -> None:
    """A hundred times the same token is a repeat of 99; 2^-60 x 2^(64 - 2) is 4."""
    row, ids = np.zeros(2), np.zeros(100, np.int32)
    assert filters.dry_penalty(row, ids, 2.0**-60, 2.0, 2, 1000).tolist() == [-4.0, 0]
    assert filters.dry_penalty(row, ids, 1.0, 2.0, 62, 1000).tolist() == [-4.0, 0]
    assert filters.dry_penalty(row, ids, 1.0, 2.0, 62, 63).tolist() == [-2.0, 0]


def test_dry_follows_no_repeat_over_a_breaker() -> None:
    chosen = Settings(dry_multiplier=1.0, dry_base=2.0)
    recent = [0, 1, 2, 3, 0, 1, 2]
    for breakers, penalty in (([], 2.0), ([0], 1.0), ([1], 0.0), ([2], 0.0)):
        shaped = sampler.SamplerChain([chosen], [breakers]).apply(np.zeros((1, 4)), column(1.0), [Past(recent)])
        assert shaped.tolist() == [[0, 0, 0, -penalty]]


def test_a_breaker_that_the_model_cannot_read_breaks_nothing(tiny: Model) -> None:
    chosen = Settings(dry_multiplier=1.0, dry_sequence_breakers=("\n", "☃"))
    assert tiny.tokenizer.unknown_characters("☃")
    stream = tiny.engine().open(tiny.read("The").snapshot, StreamOptions(chosen, PositionRNG(1)))
    assert stream.breaker_ids() == tiny.tokenizer.encode("\n").tolist()


def test_dry_looks_as_far_back_as_it_is_told() -> None:
    recent = [0, 1, 2, 3, 0, 1, 2]
    for last_n, penalised in ((-1, True), (7, True), (6, True), (5, False), (0, False)):
        chosen = Settings(dry_multiplier=1.0, dry_penalty_last_n=last_n)
        shaped = sampler.SamplerChain([chosen]).apply(np.zeros((1, 4)), column(1.0), [Past(recent)])
        assert bool(shaped[0, 3] < 0) is penalised


# P's surprises in bits are 1.32, 1.74, 2.32 and 3.32.
@pytest.mark.parametrize(("bound", "left"), [(9, ALL), (3, THREE), (2, TWO), (1.5, FIRST), (1, FIRST), (-4, FIRST)])
def test_the_bound_on_surprise_by_hand(bound: float, left: set[int]) -> None:
    assert kept(filters.max_surprise(P, column(bound))) == left
    assert kept(chained(P, Settings(surprise=1.0), bound=bound)) == left


def test_a_token_may_have_the_very_surprise_of_the_bound() -> None:
    half_and_quarters = np.log(2) * np.array([[0.0, -1.0, -1.0]])
    assert kept(filters.max_surprise(half_and_quarters, column(2.0))) == THREE


@pytest.mark.parametrize(
    ("window", "recent", "seen"),
    [(2, [0, 1, 2], {1, 2}), (0, [0, 1, 2], set()), (64, [3], {3}), (64, [], set()), (1, [0, 0, 1], {1})],
)
def test_the_penalties_look_that_far_back(window: int, recent: list[int], seen: set[int]) -> None:
    shaped = chained(EVEN, Settings(repeat_penalty=2.0, repeat_last_n=window), recent=[recent])
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
    shaped = chained(P, Settings(temperature=temperature))
    assert np.exp(shaped)[0] == pytest.approx(probs, abs=1e-12)


def test_logits_are_divided_by_their_row_s_temperature_and_nothing_else() -> None:
    rows, heats = np.array([[3.0, 2.0, -7.0]] * 4), column(0.01, 0.7, 1.3, 5.0)
    assert filters.apply_temperature(rows, heats).tolist() == (rows / heats).tolist()
    beside_a_cold_one = filters.apply_temperature(np.vstack([rows, rows[:1]]), np.vstack([heats, column(1e-9)]))
    assert beside_a_cold_one[:4].tolist() == (rows / heats).tolist()


@pytest.mark.parametrize("temperature", [1e-3, 1e-100, 1e-300, 5e-324])
def test_a_temperature_next_to_zero_is_all_but_greedy(temperature: float) -> None:
    shaped = chained(P, Settings(temperature=temperature))
    assert np.exp(shaped)[0] == pytest.approx([1, 0, 0, 0], abs=1e-12)


def test_the_order_is_penalties_top_k_typical_top_p_min_p_temperature() -> None:
    assert list(sampler._TRUNCATION_FILTERS) == ["top_k", "typical", "top_p", "min_p"]
    # Top-k first leaves 4/7 and 3/7, and 4/7 alone reaches 0.55; top-p first would need two of 0.4 + 0.3.
    assert kept(chained(P, Settings(top_k=2, top_p=0.55))) == FIRST
    # A high temperature does not let a token back in that min-p cut before it.
    assert kept(chained(P, Settings(min_p=0.6, temperature=5.0))) == TWO


def test_greedy_takes_the_first_of_equals() -> None:
    assert kept(chained(EVEN, Settings(temperature=0.0))) == FIRST


@pytest.fixture(params=["numpy", *KERNEL_PARAMS], scope="module")
def any_pick(request: pytest.FixtureRequest) -> Iterator[None]:
    """The draw in numpy, and in each kernel."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(sampler, "KERNEL", KERNELS.get(request.param))
        yield


@pytest.mark.usefixtures("any_pick")
@pytest.mark.parametrize(
    ("uniform", "token"), [(0, 0), (0.39, 0), (0.41, 1), (0.69, 1), (0.71, 2), (0.91, 3), (1 - 2**-32, 3)]
)
def test_a_uniform_picks_where_the_sum_first_passes_it(uniform: float, token: int) -> None:
    assert sampler.draw(P, column(uniform)).tolist() == [token]


@pytest.mark.usefixtures("any_pick")
@pytest.mark.parametrize("uniform", [0.0, 0.5, 1 - 2**-32])
def test_a_token_that_was_cut_is_never_picked(uniform: float) -> None:
    logprobs = np.log(
        np.array([[0.0, 0.1, 0.2, 0.0, 0.7, 0.0]]), where=[[0, 1, 1, 0, 1, 0]], out=np.full((1, 6), -np.inf)
    )
    assert sampler.draw(logprobs, column(uniform))[0] in {1, 2, 4}


@pytest.mark.parametrize("kind", KERNEL_PARAMS)
@pytest.mark.parametrize("count", [1, 3, 7, 8, 9, 65, 300])
def test_a_kernel_draws_what_numpy_draws_and_tells_of_it(
    count: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(count)
    logits = rng.normal(0, 8, (2_000, count))
    logits[rng.random(logits.shape) < 0.2] = -np.inf
    logits[:, 0] = 0  # something is always left
    uniforms = rng.random((2_000, 1))
    ids, told = {}, {}
    for way in (KERNELS[kind], None):
        monkeypatch.setattr(sampler, "KERNEL", way)
        ids[way] = sampler.draw(logits, uniforms).tolist()
        told[way] = np.array(sampler.token_stats(logits, logits / 0.7, np.array(ids[way])))
    assert ids[KERNELS[kind]] == ids[None]
    assert told[KERNELS[kind]] == pytest.approx(told[None], abs=1e-12)


@pytest.mark.skipif(len(KERNELS) < 2, reason="one kernel at most can run here")
def test_all_kernels_draw_and_tell_the_same_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    logits, uniforms = rng.normal(0, 200, (2_000, 65)), rng.random((2_000, 1))
    told = []
    for kernel in KERNELS.values():
        monkeypatch.setattr(sampler, "KERNEL", kernel)
        ids = sampler.draw(logits, uniforms)
        told.append(np.array(sampler.token_stats(logits, logits / 0.7, ids)).tobytes())
    assert len(set(told)) == 1


@pytest.mark.usefixtures("any_pick")
def test_what_is_told_of_a_draw() -> None:
    chosen = Settings(top_k=2, temperature=0.5)
    shaped = sampler.SamplerChain([chosen]).apply(P, column(0.5), [Past()])
    told = sampler.token_stats(P, shaped, sampler.draw(shaped, column(0.9)))
    assert told.rank.tolist() == [2]
    assert np.exp(told.logprob) == pytest.approx([0.3], abs=1e-6)  # the model's own
    assert np.exp(told.shaped) == pytest.approx([9 / 25], abs=1e-6)  # 16 : 9 after top-k and T = 0.5
    assert told.entropy == pytest.approx([1.8464], abs=1e-3)  # bits, of the model's own


@pytest.mark.usefixtures("any_pick")
@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.5])
def test_two_hundred_thousand_draws_follow_the_distribution(temperature: float) -> None:
    draws, at_once = 200_000, 2_000
    probs = np.array([0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.03, 0.015, 0.005])
    logits = np.repeat(np.log(probs)[None], at_once, axis=0)
    dice, counts = PositionRNG(20_240_607), np.zeros(10)
    chain = sampler.SamplerChain([Settings(temperature=temperature)] * at_once)
    for first in range(0, draws, at_once):
        shaped = chain.apply(logits, np.full((at_once, 1), temperature), [])
        ids = sampler.draw(shaped, dice.uniforms(first, at_once)[:, None])
        counts += np.bincount(ids, minlength=10)
    expected = draws * probs ** (1 / temperature) / (probs ** (1 / temperature)).sum()
    assert ((counts - expected) ** 2 / expected).sum() < 27.88  # chi-square, 9 degrees of freedom, p = 0.001


@pytest.mark.parametrize(("temperature", "odds"), [(0.5, [16, 9, 4, 1]), (1.0, [4, 3, 2, 1]), (None, [4, 3, 2, 1])])
def test_the_lesson_s_sample_draws_by_the_reshaped_probabilities(temperature: float | None, odds: list[int]) -> None:
    draws, rng = 4_000, np.random.default_rng(1)
    heat = () if temperature is None else (temperature,)
    counts = np.bincount([sampler.sample([0.4, 0.3, 0.2, 0.1], *heat, rng=rng) for _ in range(draws)], minlength=4)
    expected = draws * np.array(odds) / sum(odds)
    assert ((counts - expected) ** 2 / expected).sum() < 16.27  # chi-square, 3 degrees of freedom, p = 0.001


def test_the_lesson_s_sample_takes_the_likeliest_at_a_temperature_next_to_zero() -> None:
    assert sampler.sample([0.1, 0.2, 0.4, 0.3], 1e-4, np.random.default_rng(1)) == 2


def test_the_lesson_s_sample_draws_the_same_only_from_the_same_generator() -> None:
    even = np.full(100, 0.01)
    one, other = ([sampler.sample(even, rng=rng) for _ in range(20)] for rng in map(np.random.default_rng, (1, 1)))
    assert one == other
    assert len({sampler.sample(even) for _ in range(20)}) > 1


@pytest.mark.parametrize(
    ("temperatures", "has_ramp"),
    [([1.0, Ramp(0.2, 1.6)], True), ([Ramp(0.2, 1.6)], True), ([1.0, 0.5], False), ([], False)],
    ids=str,
)
def test_a_chain_has_a_ramp_if_any_row_has_one(temperatures: list[Any], has_ramp: bool) -> None:
    assert sampler.SamplerChain([Settings(temperature=t) for t in temperatures]).has_ramp is has_ramp


@pytest.mark.parametrize("chosen", [Settings(repeat_penalty=2.0), Settings(dry_multiplier=1.0)], ids=["penalty", "dry"])
def test_a_chain_needs_the_past_of_every_row(chosen: Settings) -> None:
    chain = sampler.SamplerChain([chosen] * 2)
    for pasts in ([Past([0])], [Past([0])] * 3):
        with pytest.raises(ValueError, match="argument 2"):
            chain.apply(np.zeros((2, 4)), column(1.0, 1.0), pasts)


@pytest.mark.usefixtures("any_pick")
@pytest.mark.parametrize("uniforms", [np.zeros(2), np.zeros((1, 1)), np.zeros((3, 1)), np.zeros((2, 2))], ids=np.shape)
def test_a_draw_needs_one_uniform_for_every_row(uniforms: np.ndarray) -> None:
    with pytest.raises(ValueError, match="for 2 rows"):
        sampler.draw(np.zeros((2, 4)), uniforms)


@pytest.mark.usefixtures("any_pick")
def test_statistics_need_one_id_of_the_vocabulary_for_every_row() -> None:
    rows = np.zeros((2, 4))
    for raw, shaped, ids in ((rows, rows, [1]), (rows, rows[:, :3], [1, 1]), (rows[:1], rows, [1, 1])):
        with pytest.raises(ValueError, match=f"for {len(ids)} ids"):
            sampler.token_stats(raw, shaped, np.array(ids))
    for wrong in (4, -1):
        with pytest.raises(UsageError, match=f"{wrong}"):
            sampler.token_stats(rows, rows, np.array([0, wrong]))


# What holds for every row -------------------------------------------------------------------------------------------

LOGITS = st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=12)
UNIFORM = st.integers(0, 2**32 - 1).map(lambda n: n / 2**32)
PARTS: dict[str, st.SearchStrategy[Any]] = {
    "top_k": st.integers(0, 15),
    "top_p": st.floats(0, 1),
    "min_p": st.floats(0, 1),
    "typical": st.floats(0, 1),
    "repeat_penalty": st.floats(0.1, 10),
    "repeat_last_n": st.integers(0, 8),
    "frequency_penalty": st.floats(-2, 2),
    "presence_penalty": st.floats(-2, 2),
    "dry_multiplier": st.floats(0, 5),
    "surprise": st.floats(0, 20),
}
CHAINS = st.builds(Settings, temperature=st.one_of(st.just(0.0), st.just(1.0), st.floats(0.01, 5)), **PARTS)
OFF = {name: spec.off_value for name, spec in SPECS.items() if spec.off_value is not None}


def shaped(logits: list[float], chosen: Settings, recent: list[int] | None = None) -> np.ndarray:
    return chained(np.array([logits], np.float64), chosen, recent=[recent or []], bound=chosen.surprise or math.inf)


@pytest.mark.usefixtures("any_pick")
@always
@given(LOGITS, CHAINS, st.lists(st.integers(0, 0), max_size=3), UNIFORM)
def test_a_chain_gives_probabilities_and_the_draw_stays_among_them(
    logits: list[float], chosen: Settings, recent: list[int], uniform: float
) -> None:
    logprobs = shaped(logits, chosen, recent)
    assert np.exp(logprobs).sum() == pytest.approx(1, abs=1e-9)
    assert kept(logprobs), "a support is never empty"
    assert np.exp(logprobs[0, sampler.draw(logprobs, column(uniform))[0]]) > 0


@always
@given(LOGITS, st.floats(0.01, 5), st.sets(st.sampled_from(sorted(OFF))))
def test_off_values_change_nothing_bit_for_bit(logits: list[float], temperature: float, off: set[str]) -> None:
    raw = filters.log_softmax(np.array([logits], np.float64))
    explicit = Settings(temperature=temperature, **{name: OFF[name] for name in off})
    assert shaped(logits, explicit).tobytes() == shaped(logits, Settings(temperature=temperature)).tobytes()
    assert shaped(logits, Settings(**{name: OFF[name] for name in off})).tobytes() == raw.tobytes()


@pytest.mark.parametrize("name", [*sampler._PENALTIES, *sampler._TRUNCATION_FILTERS])
@always
@given(logits=LOGITS)
def test_a_filter_that_is_off_passes_its_row_on_untouched(name: str, logits: list[float]) -> None:
    row = np.array([logits])
    if name in sampler._PENALTIES:
        passed = sampler._PENALTIES[name](row, column(OFF[name]), np.ones_like(row))
    else:
        passed = sampler._TRUNCATION_FILTERS[name](row, column(OFF[name]))
    assert passed.tobytes() == row.tobytes()


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
    for name in ("top_k", "typical", "top_p", "min_p", "temperature", "surprise"):
        so_far = so_far.changed(**{name: getattr(chosen, name)})
        after = kept(shaped(logits, so_far))
        assert after <= before, name
        before = after


@pytest.mark.usefixtures("any_pick")
@always
@given(st.integers(1, 9), st.lists(st.tuples(CHAINS, UNIFORM), min_size=1, max_size=6), st.data())
def test_a_row_does_not_depend_on_its_batch_bit_for_bit(
    width: int, rows: list[tuple[Settings, float]], data: st.DataObject
) -> None:
    logits = np.array(
        [data.draw(st.lists(st.floats(-30, 30, width=32), min_size=width, max_size=width)) for _ in rows], np.float32
    )
    chosen, uniforms = [s for s, _ in rows], column(*(u for _, u in rows))
    pasts = [Past(data.draw(st.lists(st.integers(0, width - 1), max_size=9)), s.surprise or math.inf) for s in chosen]
    heats = column(*(s.temperature_at(0) for s in chosen))
    together = drawn(logits, chosen, heats, pasts, uniforms)
    for n in range(len(rows)):
        one = slice(n, n + 1)
        alone = drawn(logits[one], chosen[one], heats[one], pasts[one], uniforms[one])
        assert [c[one].tobytes() for c in together] == [c.tobytes() for c in alone]


def drawn(
    logits: np.ndarray, chosen: list[Settings], heats: np.ndarray, pasts: list[Past], uniforms: np.ndarray
) -> list[np.ndarray]:
    """A draw for every row, with all that is told of it."""
    raw = logits.astype(np.float64)
    shaped = sampler.SamplerChain(chosen, [[0]] * len(chosen)).apply(raw, heats, pasts)
    ids = sampler.draw(shaped, uniforms)
    return [shaped, ids, *sampler.token_stats(raw, shaped, ids)]


def test_a_plain_row_stays_itself_beside_a_filtered_one() -> None:
    """At T = 1 with every filter off a row is not touched because its neighbour is."""
    logits = np.random.default_rng(1).normal(0, 3, (64, 50))
    plain, other = Settings(), Settings(top_k=3, temperature=0.7)
    for row in logits:
        beside = chained(np.stack([row, row]), plain, other)
        assert beside[0].tobytes() == chained(row[None], plain)[0].tobytes()


def test_entropy_counts_yes_no_questions() -> None:
    assert filters.entropy(EVEN) == pytest.approx([2.0])
    with np.errstate(divide="ignore"):
        assert filters.entropy(np.log([[0.0, 1.0]])) == pytest.approx([0.0])


def test_ban_and_bias_come_before_the_penalties_and_all_filters() -> None:
    """The repeat penalty doubles the sign that the bias gives a logit; what is banned stays so at any setting."""
    logits = np.array([[1.0, 2.0, 3.0]])
    bias = np.array([-2.0, 0.0, -np.inf])
    chosen = Settings(bias=(("a", -2.0),), ban=("c",), repeat_penalty=2.0)
    past = Past([0], bias=bias)
    shaped = sampler.SamplerChain([chosen]).apply(logits, column(1.0), [past])
    assert shaped.tolist() == [[-2.0, 2.0, -np.inf]]
    for more in ({"top_k": 3}, {"top_p": 0.9}, {"typical": 0.9}, {"min_p": 0.01}, {"surprise": 1.0}):
        for temperature in (0.0, 0.001, 1.0, 5.0):
            shaped = sampler.SamplerChain([chosen.changed(**more)]).apply(logits, column(temperature), [past])
            assert 2 not in kept(shaped)
            assert kept(shaped)
    assert logits.tolist() == [[1.0, 2.0, 3.0]]


def test_a_row_without_a_bias_is_left_bit_for_bit() -> None:
    logits = np.random.default_rng(7).normal(size=(2, 50))
    rows = [Past(), Past(bias=np.full(50, 0.5))]
    shaped = sampler.SamplerChain([Settings(), Settings(bias=(("a", 0.5),))]).apply(logits, column(1.0, 1.0), rows)
    assert (shaped[0] == logits[0]).all()
    assert (shaped[1] == logits[1] + 0.5).all()
