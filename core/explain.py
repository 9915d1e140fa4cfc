"""The lesson's arithmetic: what a temperature does to a probability distribution, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


class Reshaped(NamedTuple):
    """The columns of the lesson, each (V,): log p, log p / T, exp of that, and the same made to sum to 1."""

    log: Array
    divided: Array
    exponential: Array
    renormalised: Array


def reshape(probs: ArrayLike, temperature: float) -> Reshaped:
    """Divide log-probabilities by ``temperature`` > 0 and look at every step. ``probs`` (V,) are positive, sum to 1."""
    log = np.log(np.asarray(probs, np.float64))
    divided = log / temperature
    exponential = np.exp(divided)
    return Reshaped(log, divided, exponential, exponential / exponential.sum())


def at_temperatures(logprobs: Array, temperatures: Sequence[float]) -> list[Array]:
    """Probabilities (V,) at each temperature, from log-probabilities (V,); at T = 0 the likeliest has all."""
    return [_at(logprobs, t) for t in temperatures]


def effective_choices(probs: Array) -> float:
    """2 to the entropy in bits: over how many equally likely tokens a draw would be as open as this one."""
    positive = probs[probs > 0]
    return float(np.exp(-(positive * np.log(positive)).sum()))


def _at(logprobs: Array, temperature: float) -> Array:
    if temperature == 0:
        return np.asarray(np.arange(len(logprobs)) == logprobs.argmax(), np.float64)
    scaled = np.exp((logprobs - logprobs.max()) / temperature)
    return np.asarray(scaled / scaled.sum())
