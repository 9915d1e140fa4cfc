"""Model sizes and their regularization. The numbers were measured: docs/experiments.md."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import Annotated

from .typed_json import Between

SHORT_RUN_EPOCHS = 15.0
"""Up to this many epochs, a small model does not overfit."""

SMALL_TEXT_TOKENS = 300_000
"""A text of fewer tokens is known by heart soon."""

MAX_DROPOUT = 0.9
"""Largest probability of a dropout."""

DropoutShare = Annotated[float, Between(0, MAX_DROPOUT)]


@dataclass(frozen=True, slots=True)
class Dropout:
    """Dropout probabilities: of the embedding, between layers, before the projection, of recurrent weights."""

    embedding: DropoutShare = 0.0
    between: DropoutShare = 0.0
    output: DropoutShare = 0.0
    recurrent: DropoutShare = 0.0

    def scaled(self, scale: float) -> Dropout:
        """Return all four multiplied by ``scale``, at most ``MAX_DROPOUT``."""
        return Dropout(*(min(MAX_DROPOUT, scale * p) for p in astuple(self)))


NO_DROPOUT = Dropout()


@dataclass(frozen=True, slots=True)
class ModelSize:
    """Shape, learning rate and regularization of a size.

    ``ema_decay`` is the decay of the averaged weights per step at ``DEFAULT_BATCH_SIZE`` streams.
    """

    embedding: int
    width: int
    learning_rate: float
    ema_decay: float
    weight_decay: float
    dropout: Dropout = field(default_factory=Dropout)
    layers: int = 2


MODEL_SIZES = {
    "small": ModelSize(128, 256, 4e-3, 0.997, 0.1, Dropout(embedding=0.0, between=0.05, output=0.1, recurrent=0.0)),
    "medium": ModelSize(128, 320, 4e-3, 0.998, 0.1, Dropout(embedding=0.05, between=0.15, output=0.3, recurrent=0.2)),
    "large": ModelSize(128, 448, 3e-3, 0.999, 0.1, Dropout(embedding=0.025, between=0.125, output=0.2, recurrent=0.15)),
}


TOKENS_TO_READ = {"small": 0, "medium": 16_000_000, "large": 30_000_000}
"""Tokens that a model of a size has to read to be better than one of the size below."""

TEXT_TOKENS = {"small": SMALL_TEXT_TOKENS, "medium": 2_000_000, "large": math.inf}
"""Tokens of a text from which on a size is too small for it."""


def choose_size(tokens: int, readable: Mapping[str, float]) -> str:
    """Return the largest size that a text of ``tokens`` suffices for and that reads enough in the time.

    ``readable`` are the tokens that a model of each size reads in the time, by this machine's measured speed.
    """
    by_time = [size for size, needed in TOKENS_TO_READ.items() if readable[size] >= needed]
    by_text = next(size for size, limit in TEXT_TOKENS.items() if tokens < limit)
    return min(by_time[-1], by_text, key=list(MODEL_SIZES).index)


def nearest_size(width: int) -> str:
    """Return the size whose width is nearest to ``width``."""
    return min(MODEL_SIZES, key=lambda size: abs(MODEL_SIZES[size].width - width))
