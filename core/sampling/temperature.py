"""The arithmetic of temperature, step by step: how it changes a probability distribution. Used by /explain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..errors import UsageError
from .filters import Array

LESSON_PROBABILITIES = (0.3, 0.5, 0.2)
"""The example distribution of the lesson, shown at the temperatures 1.2 and 0.8."""

MAX_ROUNDED_SUM = 0.02
"""Most by which typed probabilities may miss 1 without a notice: four of them, each rounded to two digits."""

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
    values = _parse_numbers(text)
    scaled = values / values.max()  # the sum of the largest floats would overflow
    return np.asarray(scaled / scaled.sum())


def _parse_numbers(text: str) -> Array:
    try:
        values = np.array([float(word) for word in text.split(",")])
    except ValueError:
        raise UsageError(f"cannot read {text[:40]!r} as probabilities; write them as 0.3,0.5,0.2") from None
    if len(values) < 2 or not np.isfinite(values).all() or values.min() < 0 or values.max() == 0:
        raise UsageError(f"{text[:40]!r} is not a distribution; give at least two numbers from 0 up, not all of them 0")
    return values


def describe_sum(text: str) -> str:
    """Return a notice if the numbers that ``parse_probabilities`` divides by their sum do not sum to 1; else "".

    It gives the numbers with points if the commas look like decimal commas: 0,3,0,5.
    """
    words = [word.strip() for word in text.split(",")]
    with np.errstate(over="ignore"):
        total = float(_parse_numbers(text).sum())
    if abs(total - 1) <= MAX_ROUNDED_SUM:
        return ""
    notice = f"these {len(words)} numbers sum to {total:g}, so each is divided by {total:g}"
    if len(words) % 2 or any(word != "0" for word in words[::2]) or not all(map(str.isdecimal, words)):
        return notice
    return f"{notice}; decimals have a point: {','.join(f'0.{word}' for word in words[1::2])}"


def gaussian(max_temperature: float = 1.0, step: float = 0.25) -> tuple[Array, Array]:
    """Return a bell curve on a grid: positions in standard deviations (n,), and probabilities (n,).

    At temperature T it is a bell curve again, √T times as wide: exp(-x²/2) to the power 1/T is exp(-x²/2T). The grid
    reaches five standard deviations of the widest one, at ``max_temperature``: what is cut off changes no shown digit.
    """
    half_width = math.ceil(max(3.0, 5 * math.sqrt(max_temperature)) / step)
    positions = np.asarray(np.arange(-half_width, half_width + 1) * step, np.float64)
    weights = np.exp(-(positions**2) / 2)
    return positions, np.asarray(weights / weights.sum())


def standard_deviation(positions: Array, probs: Array) -> float:
    """Return the standard deviation of ``positions`` (n,) that are drawn with ``probs`` (n,)."""
    mean = float(positions @ probs)
    return math.sqrt(float((positions - mean) ** 2 @ probs))


def find_loop(text: str) -> Loop | None:
    """Return the shortest loop at the end of ``text``; None if there is none.

    Its text occurs at least three times in a row, and at least 40 characters repeat earlier ones.
    """
    codes, end = np.array([ord(c) for c in text], np.int64), text[-MIN_REPEATED_CHARS:]
    for period in range(1, len(text) // 3 + 1):
        if text[-MIN_REPEATED_CHARS - period : -period] != end:
            continue
        differs = np.flatnonzero(codes[period:] != codes[:-period])
        start = int(differs[-1]) + 1 if len(differs) else 0
        repeated = len(text) - period - start
        if repeated >= max(2 * period, MIN_REPEATED_CHARS):
            return Loop(start, text[start : start + period])
    return None


def _softmax_at(logprobs: Array, temperature: float) -> Array:
    if temperature == 0:
        return np.asarray(np.arange(len(logprobs)) == logprobs.argmax(), np.float64)
    scaled = np.exp((logprobs - logprobs.max()) / temperature)
    return np.asarray(scaled / scaled.sum())
