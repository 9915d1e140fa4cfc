"""How well a model predicts a text, under the two protocols that people report."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .errors import TextError
from .inference.runtime import Logits, Runtime
from .sampling.filters import log_softmax
from .text.tokenizer import Ids, Tokenizer

FloatArray = NDArray[np.float64]

COLD_WINDOW = 256
"""Targets in a window of the cold protocol: nanoGPT's block size for the character model."""

CALIBRATION_TEMPERATURES = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.35, 1.6, 2.0])
"""Where the cold loss is also measured, to see which temperature fits the text best."""

MAX_CALIBRATION_LOGITS = 1 << 25
"""How many logits are tried at all temperatures: 2,000 windows of 65 characters, 32 of 4,096 word parts."""

_WINDOWS_PER_BATCH = 64


@dataclass(frozen=True, slots=True)
class Score:
    """Losses over a text, in nats per character.

    ``nats_per_char_cold``: all non-overlapping windows of 256 targets, each from the zero state (the deterministic form
    of nanoGPT's random 256-crops). ``nats_per_char_stateful``: one pass with the state carried. ``surprise``, (n - 1,):
    in that pass, the bits of every token but the first, which nothing stands before. ``best_temperature``: the logits
    divided by it predict the text best, by ``nats_gained`` per character, cold; 1 and 0 for a calibrated model. It is
    looked for in 0.5 to 2.
    """

    characters: int
    nats_per_char_cold: float
    nats_per_char_stateful: float
    best_temperature: float = 1.0
    nats_gained: float = 0.0
    surprise: NDArray[np.float64] = field(default_factory=lambda: np.empty(0), repr=False, compare=False)

    @property
    def bits_per_char_cold(self) -> float:
        """The cold loss in bits."""
        return self.nats_per_char_cold / math.log(2)

    @property
    def bits_per_char_stateful(self) -> float:
        """The stateful loss in bits."""
        return self.nats_per_char_stateful / math.log(2)

    @property
    def perplexity_cold(self) -> float:
        """Effective choices per character, cold."""
        return math.exp(self.nats_per_char_cold)

    @property
    def perplexity_stateful(self) -> float:
        """Effective choices per character, stateful."""
        return math.exp(self.nats_per_char_stateful)


def score(
    runtime: Runtime, tokenizer: Tokenizer, text: str, progress: Callable[[float], None] = lambda _: None
) -> Score:
    """Score ``text`` under both protocols; ``progress`` hears the share done. Raises TextError under 2 tokens."""
    ids = tokenizer.encode(text)
    if len(ids) < 2:
        raise TextError(f"there is nothing to score: {len(text)} characters; at least 2 are needed")
    chars_per_token = len(text) / len(ids)
    cold, losses = windowed_losses(runtime, ids, CALIBRATION_TEMPERATURES, MAX_CALIBRATION_LOGITS // tokenizer.size)
    losses = losses / chars_per_token
    best, loss = fit_minimum(CALIBRATION_TEMPERATURES, losses)
    progress(0.1)
    carried = -logprobs(runtime, ids, lambda share: progress(0.1 + 0.9 * share))
    gained = float(losses[CALIBRATION_TEMPERATURES == 1][0]) - loss
    return Score(
        len(text),
        cold / chars_per_token,
        float(np.mean(carried)) / chars_per_token,
        best,
        gained,
        carried / math.log(2),
    )


def cold_nats(runtime: Runtime, ids: Ids) -> float:
    """Mean loss in nats per token over all whole windows of 256 targets (one shorter one in a shorter text)."""
    return windowed_losses(runtime, ids, np.empty(0), 1)[0]


def windowed_losses(runtime: Runtime, ids: Ids, temperatures: FloatArray, max_tokens: int) -> tuple[float, FloatArray]:
    """``cold_nats``, and the same with the logits divided by each of the temperatures, (n,).

    Temperatures are tried on as many windows as hold ``most`` tokens, spread over all of them.
    """
    window = min(COLD_WINDOW, len(ids) - 1)
    count = (len(ids) - 1) // window
    inputs = ids[: count * window].reshape(count, window)
    targets = ids[1 : count * window + 1].reshape(count, window)
    tried = np.zeros(count, bool)
    if len(temperatures):
        tried[:: max(1, -(-count * window // max_tokens))] = True
    rest = _sum_window_losses(runtime, inputs[~tried], targets[~tried], np.ones(1))
    found = _sum_window_losses(runtime, inputs[tried], targets[tried], np.concatenate([np.ones(1), temperatures]))
    return float(rest[0] + found[0]) / (count * window), found[1:] / (max(1, tried.sum()) * window)


def fit_minimum(temperatures: FloatArray, losses: FloatArray) -> tuple[float, float]:
    """The temperature with the least loss, and that loss: the vertex of the parabola through the lowest three in log T.

    At an end of what was measured, that end.
    """
    at = int(np.argmin(losses))
    if not 0 < at < len(losses) - 1:
        return float(temperatures[at]), float(losses[at])
    x = np.log(temperatures[at - 1 : at + 2])
    a, b, c = np.polyfit(x, losses[at - 1 : at + 2], 2)
    return (
        (math.exp(-b / (2 * a)), float(c - b * b / (4 * a))) if a > 0 else (float(temperatures[at]), float(losses[at]))
    )


def logprobs(runtime: Runtime, ids: Ids, progress: Callable[[float], None] = lambda _: None) -> FloatArray:
    """The natural log-probability of every token but the first given all before it, (n - 1,), the state carried."""
    steps, found = runtime.stepper(runtime.zeros(1)), np.empty(len(ids) - 1)
    for at in range(len(ids) - 1):
        steps.step(ids[at : at + 1])
        found[at] = _target_logprobs(steps.logits, ids[at + 1 : at + 2])[0]
        if at % 2048 == 0:
            progress(at / len(found))
    return found


def _sum_window_losses(runtime: Runtime, inputs: Ids, targets: Ids, temperatures: FloatArray) -> FloatArray:
    """The loss in nats over all windows, each from the zero state, at each of the temperatures."""
    total = np.zeros(len(temperatures))
    for first in range(0, len(inputs), _WINDOWS_PER_BATCH):
        some, goals = inputs[first : first + _WINDOWS_PER_BATCH], targets[first : first + _WINDOWS_PER_BATCH]
        steps = runtime.stepper(runtime.zeros(len(some)))
        for at in range(some.shape[1]):
            steps.step(some[:, at])
            total -= [float(_target_logprobs(steps.logits, goals[:, at], t).sum()) for t in temperatures]
    return total


def _target_logprobs(logits: Logits, targets: Ids, temperature: float = 1.0) -> FloatArray:
    return np.asarray(log_softmax(logits.astype(np.float64) / temperature)[np.arange(len(targets)), targets])
