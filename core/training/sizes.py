"""Model sizes and their regularization. The numbers were measured: docs/experiments.md."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from typing import Annotated

from .typed_json import Between

SHORT_RUN_MINUTES = 6.0
"""Up to this many minutes, a small model does not overfit."""

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
    "small": ModelSize(128, 256, 4e-3, 0.997, 0.02, Dropout(embedding=0.0, between=0.05, output=0.1, recurrent=0.0)),
    "medium": ModelSize(128, 320, 4e-3, 0.998, 0.1, Dropout(embedding=0.05, between=0.15, output=0.3, recurrent=0.2)),
    "large": ModelSize(128, 448, 3e-3, 0.999, 0.1, Dropout(embedding=0.025, between=0.125, output=0.2, recurrent=0.15)),
}


def choose_size(minutes: float, tokens: int) -> str:
    """Return the largest size that two CPU cores train well in ``minutes`` and a text of ``tokens`` suffices for."""
    by_time = "small" if minutes <= SHORT_RUN_MINUTES else "medium" if minutes <= 45 else "large"
    by_text = "small" if tokens < SMALL_TEXT_TOKENS else "medium" if tokens < 2_000_000 else "large"
    return min(by_time, by_text, key=list(MODEL_SIZES).index)


def nearest_size(width: int) -> str:
    """Return the size whose width is nearest to ``width``."""
    return min(MODEL_SIZES, key=lambda size: abs(MODEL_SIZES[size].width - width))
