"""Both protocols of a loss, against sums done the long way round."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from afterglow.core.errors import TextError
from afterglow.core.model import Model
from afterglow.core.sampling.filters import log_softmax
from afterglow.core.score import COLD_WINDOW, Score, score
from afterglow.core.text.tokenizer import ByteTokenizer, CharTokenizer

TEXT = "The keeper of the lamp lived on a rock in the sea. " * 12


def loss_from_zero(model: Model, ids: list[int]) -> float:
    """The summed loss of all but the first id, a token at a time from the zero state."""
    steps, total = model.runtime.stepper(model.runtime.zeros(1)), 0.0
    for now, then in itertools.pairwise(ids):
        steps.step(np.array([now]))
        total -= log_softmax(steps.logits.astype(np.float64))[0, then]
    return total


@pytest.mark.parametrize("length", [2, 100, COLD_WINDOW, COLD_WINDOW + 1, COLD_WINDOW + 2, 2 * COLD_WINDOW + 1, 600])
def test_both_protocols_are_what_they_say(length: int, tiny: Model) -> None:
    text = TEXT[:length]
    ids = tiny.tokenizer.encode(text).tolist()
    window = min(COLD_WINDOW, length - 1)
    starts = range(0, length - window, window)
    cold = sum(loss_from_zero(tiny, ids[at : at + window + 1]) for at in starts) / (len(starts) * window)
    got = score(tiny.runtime, tiny.tokenizer, text)
    assert got.nats_per_char_cold == pytest.approx(cold, rel=1e-9)
    assert got.nats_per_char_stateful == pytest.approx(loss_from_zero(tiny, ids) / (length - 1), rel=1e-9)


class Uniform:
    """A runtime that thinks every token equally likely."""

    max_batches = 1

    def __init__(self, size: int) -> None:
        self.size = size

    def zeros(self, rows: int) -> Any:
        return (np.zeros((rows, 1), np.float32),)

    def stepper(self, state: Any, exclusive: bool = True) -> Any:  # noqa: ARG002
        self.state, self.logits = state, np.zeros((len(state[0]), self.size), np.float32)
        return self

    def step(self, ids: np.ndarray) -> None:
        pass


def test_a_guess_among_v_costs_log_v_per_token() -> None:
    got = score(Uniform(4), CharTokenizer("abcd"), "abcdabcd")
    assert got.nats_per_char_cold == pytest.approx(math.log(4))
    assert got.bits_per_char_stateful == pytest.approx(2)
    assert got.perplexity_cold == pytest.approx(got.perplexity_stateful) == pytest.approx(4)


def test_a_loss_is_per_character_where_tokens_are_bytes() -> None:
    got = score(Uniform(256), ByteTokenizer(), "日本" * 10)  # three bytes a character
    assert got.nats_per_char_stateful == pytest.approx(3 * math.log(256))
    assert got.bits_per_char_cold == pytest.approx(24)


@pytest.mark.parametrize("text", ["", "a"])
def test_too_short_a_text_is_refused(text: str, tiny: Model) -> None:
    with pytest.raises(TextError):
        score(tiny.runtime, tiny.tokenizer, text)


def test_bits_are_nats_over_log_two() -> None:
    got = Score(10, math.log(2), 2 * math.log(2))
    assert (got.bits_per_char_cold, got.bits_per_char_stateful) == pytest.approx((1, 2))
    assert (got.perplexity_cold, got.perplexity_stateful) == pytest.approx((2, 4))


class Fixed(Uniform):
    """A runtime that always has the same logits."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__(len(logits))
        self.fixed = np.array(logits, np.float32)

    def stepper(self, state: Any, exclusive: bool = True) -> Any:
        super().stepper(state, exclusive)
        self.logits = np.tile(self.fixed, (len(state[0]), 1))
        return self


@pytest.mark.parametrize("temperature", [0.75, 0.92, 1.0, 1.13, 1.3])
def test_the_best_temperature_is_the_one_that_makes_the_odds_those_of_the_text(temperature: float) -> None:
    """Logits that are too sharp by a factor T are right once divided by T."""
    text = ("a" * 12 + "b" * 3 + "c") * 16 + "a"
    true = np.log([12 / 16, 3 / 16, 1 / 16])
    got = score(Fixed((true * temperature).tolist()), CharTokenizer("abc"), text)
    entropy = -float(np.exp(true) @ true)
    assert got.best_temperature == pytest.approx(temperature, abs=0.02)
    assert got.nats_per_char_cold - got.nats_gained == pytest.approx(entropy, abs=0.005)
    assert got.nats_gained >= 0


def test_beyond_what_is_looked_at_the_best_temperature_is_the_end() -> None:
    text = "ab" * 129
    assert score(Fixed([9.0, 0.0]), CharTokenizer("ab"), text).best_temperature == 2.0
