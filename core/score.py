"""How well a model predicts a text, under the two protocols that people report."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .errors import TextError
from .filters import log_softmax
from .runtime import Logits, Runtime
from .tokenizer import Ids, Tokenizer

COLD_WINDOW = 256
"""Targets in a window of the cold protocol: nanoGPT's block size for the character model."""

_ROWS = 64


@dataclass(frozen=True, slots=True)
class Score:
    """Losses over a text, in nats per character.

    ``nats_per_char_cold``: all non-overlapping windows of 256 targets, each from the zero state (the deterministic form
    of nanoGPT's random 256-crops). ``nats_per_char_stateful``: one pass with the state carried. ``surprise``, (n - 1,):
    in that pass, the bits of every token but the first, which nothing stands before.
    """

    characters: int
    nats_per_char_cold: float
    nats_per_char_stateful: float
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
    cold = cold_nats(runtime, ids) / chars_per_token
    progress(0.1)
    carried = -logprobs(runtime, ids, lambda share: progress(0.1 + 0.9 * share))
    return Score(len(text), cold, float(np.mean(carried)) / chars_per_token, carried / math.log(2))


def cold_nats(runtime: Runtime, ids: Ids) -> float:
    """Mean loss in nats per token over all whole windows of 256 targets (one shorter one in a shorter text)."""
    window = min(COLD_WINDOW, len(ids) - 1)
    count = (len(ids) - 1) // window
    inputs = ids[: count * window].reshape(count, window)
    targets = ids[1 : count * window + 1].reshape(count, window)
    total = sum(_windows(runtime, inputs[i : i + _ROWS], targets[i : i + _ROWS]) for i in range(0, count, _ROWS))
    return total / (count * window)


def logprobs(
    runtime: Runtime, ids: Ids, progress: Callable[[float], None] = lambda _: None
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The natural log-probability of every token but the first given all before it, (n - 1,), the state carried."""
    steps, found = runtime.stepper(runtime.zeros(1)), np.empty(len(ids) - 1)
    for at in range(len(ids) - 1):
        steps.step(ids[at : at + 1])
        found[at] = _taken(steps.logits, ids[at + 1 : at + 2])[0]
        if at % 2048 == 0:
            progress(at / len(found))
    return found


def _windows(runtime: Runtime, inputs: Ids, targets: Ids) -> float:
    steps, total = runtime.stepper(runtime.zeros(len(inputs))), 0.0
    for at in range(inputs.shape[1]):
        steps.step(inputs[:, at])
        total -= float(_taken(steps.logits, targets[:, at]).sum())
    return total


def _taken(logits: Logits, targets: Ids) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.asarray(log_softmax(logits.astype(np.float64))[np.arange(len(targets)), targets])
