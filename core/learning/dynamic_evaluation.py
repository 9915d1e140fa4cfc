"""Dynamic evaluation: weights that follow a text while it is read, each piece scored before it is learned.

After Krause, Kahembwe, Murray and Renals 2018, "Dynamic evaluation of neural sequence models" (arXiv 1709.07432). With
the gradient g of each segment of the text, the weights θ take a step

    θ ← θ - rate · g / (RMS + EPSILON) + DECAY · RMS / mean(RMS) · (θ₀ - θ)

RMS is the root of the mean square of each weight's gradient on text that the model knows. A weight on which much of it
depends moves little, and is drawn back firmly to θ₀, where training left it. Others are free to take up the new.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..events import Token
from ..model import Model
from ..settings import Settings
from ..text.tokenizer import Ids
from . import lstm
from .parameters import Array, Parameters, from_file

SEGMENT = 20
"""Tokens that are read, scored and then learned at once."""

RATE = 5e-4
"""Step of a weight whose gradient is as large as usual. Found for ``tolstoy`` (docs/experiments.md)."""

DECAY = 2e-3
"""Share of the way back to the parent's weight that an average weight goes in each step."""

EPSILON = 2e-4
"""Added to the RMS, so that weights that hardly ever have a gradient do not leap."""

SAMPLE_CHARS = 2000
"""Characters that the model writes for the RMS."""

_BLOCK = 1 << 14
"""Weights updated at once: few enough for all that a step needs of them to stay in a processor's cache."""


class DynamicEvaluation:
    """Float32 weights of ``parent`` that learn each text they are given."""

    def __init__(self, parent: Model) -> None:
        self.weights = from_file(parent.file)
        self._parent = self.weights.flat.copy()
        self._gradients = Parameters(parent.file.architecture)
        rms = self._measure_rms(sample_tokens(parent))
        self._rate = np.float32(RATE) / (rms + np.float32(EPSILON))
        self._decay = np.minimum(np.float32(DECAY) / rms.mean() * rms, np.float32(1))

    def read(self, ids: Ids, is_learned: NDArray[np.bool_]) -> Iterator[Array]:
        """Yield the losses, in nats, of every token of ids (n,) but the first, a segment at a time, and learn them.

        A loss is that before its segment is learned. Only those of tokens for which ``is_learned`` (n,) is True count
        for what is learned; the others are only read.
        """
        state = lstm.zero_state(self.weights.named)
        for begin in range(0, len(ids) - 1, SEGMENT):
            part = slice(begin + 1, begin + 1 + SEGMENT)
            losses, state = self._backpropagate(ids[begin : begin + SEGMENT], ids[part], state, is_learned[part])
            if is_learned[part].any():
                self._step()
            yield losses

    def _backpropagate(
        self, ids: Ids, targets: Ids, state: lstm.State, is_learned: NDArray[np.bool_]
    ) -> tuple[Array, lstm.State]:
        """Return the losses of ``targets`` and the state after ``ids``. Compute gradients if any is to be learned."""
        tape = lstm.forward(self.weights.named, ids[: len(targets)], state)
        losses, d_logits = lstm.cross_entropy(tape.logits, targets)
        if is_learned.any():
            d_logits *= is_learned[:, None] / np.float32(SEGMENT)
            lstm.backward(self.weights.named, tape, d_logits, self._gradients.named)
        return losses, tape.state

    def _step(self) -> None:
        """Move the weights against the gradient, and back towards the parent's."""
        step = np.empty(_BLOCK, np.float32)
        for begin in range(0, len(self._parent), _BLOCK):
            block = slice(begin, begin + _BLOCK)
            weights = self.weights.flat[block]
            change = step[: len(weights)]
            np.subtract(self._parent[block], weights, out=change)
            change *= self._decay[block]
            weights += change
            np.multiply(self._gradients.flat[block], self._rate[block], out=change)
            weights -= change

    def _measure_rms(self, ids: Ids) -> Array:
        """Return the root of the mean square of each weight's gradient, over the segments of a text."""
        squares = np.zeros_like(self._parent)
        state = lstm.zero_state(self.weights.named)
        segments = [ids[begin : begin + SEGMENT + 1] for begin in range(0, len(ids) - SEGMENT, SEGMENT)]
        for part in segments:
            _, state = self._backpropagate(part[:-1], part[1:], state, np.ones(SEGMENT, bool))
            squares += self._gradients.flat**2
        return np.asarray(np.sqrt(squares / np.float32(max(1, len(segments)))), np.float32)


def sample_tokens(model: Model) -> Ids:
    """Return tokens that ``model`` writes at T = 1, the same ones each time.

    The gradients for its own samples are, on average, as large as those for the text that it was trained on, as far as
    it has learned that text. So no one needs the training text.
    """
    start = model.read("").snapshot
    (events,) = model.engine().open_samples(start, Settings(length=SAMPLE_CHARS), rng=0, count=1)
    return np.array([event.id for event in events if isinstance(event, Token)], np.int64)
