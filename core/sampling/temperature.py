"""The lesson's arithmetic: what a temperature does to a probability distribution, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import UsageError

Array = NDArray[np.float64]

LESSON_PROBABILITIES = (0.3, 0.5, 0.2)
"""The distribution that the lesson works on, at the temperatures 1.2 and 0.8."""

MIN_REPEATED_CHARS = 40
"""Characters that have to come again before it is called a loop: any text repeats a few."""


class TemperatureSteps(NamedTuple):
    """The columns of the lesson, each (V,): log p, log p / T, exp of that, and the same made to sum to 1."""

    log: Array
    divided: Array
    exponential: Array
    renormalised: Array


class Loop(NamedTuple):
    """What the end of a text repeats, and after how many characters that begins."""

    start: int
    text: str


def temperature_steps(probs: ArrayLike, temperature: float) -> TemperatureSteps:
    """Divide log-probabilities by ``temperature`` > 0 and look at every step. ``probs`` (V,) sum to 1."""
    with np.errstate(divide="ignore"):
        log = np.log(np.asarray(probs, np.float64))
    divided = log / temperature
    return TemperatureSteps(log, divided, np.exp(divided), _softmax_at(log, temperature))


def probs_at_temperatures(logprobs: Array, temperatures: Sequence[float]) -> list[Array]:
    """Probabilities (V,) at each temperature, from log-probabilities (V,); at T = 0 the likeliest has all."""
    return [_softmax_at(logprobs, t) for t in temperatures]


def entropy_from_probs(probs: Array) -> float:
    """Bits of entropy: how many yes-no questions the next token is worth."""
    positive = probs[probs > 0]
    return float(max(0.0, -(positive * np.log2(positive)).sum()))


def effective_choices(probs: Array) -> float:
    """2 to the entropy in bits: over how many equally likely tokens a draw would be as open as this one."""
    return float(2 ** entropy_from_probs(probs))


def parse_probabilities(text: str) -> Array:
    """The distribution that "0.3,0.5,0.2" means; weights that sum to something else are made to sum to 1.

    Raises UsageError where it is no list of at least two numbers from 0 up.
    """
    try:
        values = np.array([float(word) for word in text.split(",")])
    except ValueError:
        raise UsageError(f"cannot read {text[:40]!r} as probabilities: write them as 0.3,0.5,0.2") from None
    if len(values) < 2 or not np.isfinite(values).all() or values.min() < 0 or values.max() == 0:
        raise UsageError(f"{text[:40]!r} is no distribution: at least two numbers from 0 up, not all of them 0")
    values = values / values.max()  # a sum of the largest numbers there are has no end
    return np.asarray(values / values.sum())


def gaussian(half_width: int = 12, deviation: float = 4.0) -> tuple[Array, Array]:
    """A bell curve on a grid: places in standard deviations (n,), and probabilities (n,).

    At temperature T it is a bell curve again, √T times as wide: (p^(1/T) of exp(-x²/2) is exp(-x²/2T)).
    """
    places = np.arange(-half_width, half_width + 1) / deviation
    weights = np.exp(-(places**2) / 2)
    return places, weights / weights.sum()


def find_loop(text: str) -> Loop | None:
    """The shortest loop that ``text`` ends in, three times round and 40 characters again at least; None without one."""
    codes = np.array([ord(c) for c in text], np.int64)
    for period in range(1, len(text) // 3 + 1):
        differs = np.flatnonzero(codes[period:] != codes[:-period])
        start = int(differs[-1]) + 1 if len(differs) else 0
        repeated = len(text) - period - start
        if repeated >= max(2 * period, MIN_REPEATED_CHARS):
            return Loop(start, text[start : start + period])
    return None


def double_rounding_differs(value: float) -> bool:
    """Whether rounding to three decimals and then to two gives another figure than rounding to two at once."""
    thousandths = np.floor(abs(value) * 1000 + 0.5)
    return bool(np.floor(thousandths / 10 + 0.5) != np.floor(abs(value) * 100 + 0.5))


def _softmax_at(logprobs: Array, temperature: float) -> Array:
    if temperature == 0:
        return np.asarray(np.arange(len(logprobs)) == logprobs.argmax(), np.float64)
    scaled = np.exp((logprobs - logprobs.max()) / temperature)
    return np.asarray(scaled / scaled.sum())
