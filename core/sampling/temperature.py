"""The arithmetic of temperature, step by step: how it changes a probability distribution. Used by /explain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..errors import UsageError
from .filters import Array

LESSON_PROBABILITIES = (0.3, 0.5, 0.2)
"""The example distribution of the lesson, shown at the temperatures 1.2 and 0.8."""

MIN_REPEATED_CHARS = 40
"""Minimum number of repeated characters in a loop. Any text repeats a few."""


class TemperatureSteps(NamedTuple):
    """The columns of the lesson, each (V,): log p, log p / T, its exponential, and that divided by its sum."""

    log: Array
    divided: Array
    exponential: Array
    renormalised: Array


class Loop(NamedTuple):
    """A string that a text repeats until its end, and the index of the character at which it first begins."""

    start: int
    text: str


def temperature_steps(probs: ArrayLike, temperature: float) -> TemperatureSteps:
    """Return every step from ``probs`` (V,), which sum to 1, to the probabilities at ``temperature`` > 0."""
    with np.errstate(divide="ignore"):
        log = np.log(np.asarray(probs, np.float64))
    divided = log / temperature
    return TemperatureSteps(log, divided, np.exp(divided), _softmax_at(log, temperature))


def probs_at_temperatures(logprobs: Array, temperatures: Sequence[float]) -> list[Array]:
    """Return the probabilities (V,) at each temperature, from log-probabilities (V,).

    At T = 0 the likeliest token has probability 1.
    """
    return [_softmax_at(logprobs, t) for t in temperatures]


def entropy_from_probs(probs: Array) -> float:
    """Return the entropy of ``probs`` (V,) in bits: the number of yes-no questions that the next token answers."""
    positive = probs[probs > 0]
    return float(max(0.0, -(positive * np.log2(positive)).sum()))


def effective_choices(probs: Array) -> float:
    """Return 2 to the entropy: the number of equally likely tokens with the same entropy."""
    return float(2 ** entropy_from_probs(probs))


def describe_temperature_change(logprobs: Array, before: float, after: float) -> str:
    """Return the effect of a new temperature on log-probabilities (V,): "flatter: here 2.10 → 4.63 effective choices".

    If both figures are the same to two decimals, the effect is said to be small.
    """
    old, new = (f"{effective_choices(probs):.2f}" for probs in probs_at_temperatures(logprobs, (before, after)))
    effect = "flatter" if after > before else "sharper"
    shown = f", hardly so here: {old}" if old == new else f": here {old} → {new}"
    return f"{effect}{shown} effective choices"


def parse_probabilities(text: str) -> Array:
    """Return the distribution in a text such as "0.3,0.5,0.2", divided by its sum.

    Raises UsageError unless it is a list of at least two numbers from 0 up, not all of them 0.
    """
    try:
        values = np.array([float(word) for word in text.split(",")])
    except ValueError:
        raise UsageError(f"cannot read {text[:40]!r} as probabilities; write them as 0.3,0.5,0.2") from None
    if len(values) < 2 or not np.isfinite(values).all() or values.min() < 0 or values.max() == 0:
        raise UsageError(f"{text[:40]!r} is not a distribution; give at least two numbers from 0 up, not all of them 0")
    values = values / values.max()  # the sum of the largest floats would overflow
    return np.asarray(values / values.sum())


def gaussian(half_width: int = 12, deviation: float = 4.0) -> tuple[Array, Array]:
    """Return a bell curve on a grid: positions in standard deviations (n,), and probabilities (n,).

    At temperature T it is a bell curve again, √T times as wide: exp(-x²/2) to the power 1/T is exp(-x²/2T).
    """
    positions = np.arange(-half_width, half_width + 1) / deviation
    weights = np.exp(-(positions**2) / 2)
    return positions, weights / weights.sum()


def find_loop(text: str) -> Loop | None:
    """Return the shortest loop at the end of ``text``; None if there is none.

    Its text occurs at least three times in a row, and at least 40 characters repeat earlier ones.
    """
    codes = np.array([ord(c) for c in text], np.int64)
    for period in range(1, len(text) // 3 + 1):
        differs = np.flatnonzero(codes[period:] != codes[:-period])
        start = int(differs[-1]) + 1 if len(differs) else 0
        repeated = len(text) - period - start
        if repeated >= max(2 * period, MIN_REPEATED_CHARS):
            return Loop(start, text[start : start + period])
    return None


def double_rounding_differs(value: float) -> bool:
    """Return True if rounding to three decimals and then to two differs from rounding to two at once."""
    thousandths = np.floor(abs(value) * 1000 + 0.5)
    return bool(np.floor(thousandths / 10 + 0.5) != np.floor(abs(value) * 100 + 0.5))


def _softmax_at(logprobs: Array, temperature: float) -> Array:
    if temperature == 0:
        return np.asarray(np.arange(len(logprobs)) == logprobs.argmax(), np.float64)
    scaled = np.exp((logprobs - logprobs.max()) / temperature)
    return np.asarray(scaled / scaled.sum())
