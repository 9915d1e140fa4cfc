"""Recipes that are known to work, by size; docs/experiments.md tells where their numbers come from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from ..errors import UsageError
from ..inference.model_file import Architecture
from .model import Dropout
from .schedule import TrainConfig

MIN_SEQ_LEN = 16
"""Tokens through which gradients flow at least."""

DEFAULT_BATCH_SIZE = 32
"""How many a batch reads where the text is long enough: larger ones are faster and generalise worse."""

SHORT_RUN_MINUTES, SHORT_RUN_EPOCHS = 6.0, 15.0
"""Minutes, and epochs, in which a small model does not come to learn a text by heart."""


@dataclass(frozen=True, slots=True)
class ModelSize:
    """What goes with a size of model: its shape, and how hard it has to be kept from learning by heart.

    ``average`` is the decay of the running average over a step of ``STREAMS`` streams.
    """

    embedding: int
    width: int
    rate: float
    average: float
    weight_decay: float
    dropout: Dropout = field(default_factory=Dropout)
    layers: int = 2


MODEL_SIZES = {
    "small": ModelSize(128, 256, 4e-3, 0.997, 0.02, Dropout(embedding=0.0, between=0.05, output=0.1, recurrent=0.0)),
    "medium": ModelSize(128, 320, 4e-3, 0.998, 0.1, Dropout(embedding=0.05, between=0.15, output=0.3, recurrent=0.2)),
    "large": ModelSize(128, 448, 3e-3, 0.999, 0.1, Dropout(embedding=0.025, between=0.125, output=0.2, recurrent=0.15)),
}


def choose_size(minutes: float, tokens: int) -> str:
    """The size that two CPU cores can fill in so many minutes, but none that a text of so many tokens cannot fill."""
    by_time = "small" if minutes <= SHORT_RUN_MINUTES else "medium" if minutes <= 45 else "large"
    by_text = "small" if tokens < 300_000 else "medium" if tokens < 2_000_000 else "large"
    return min(by_time, by_text, key=list(MODEL_SIZES).index)


@dataclass(frozen=True, slots=True)
class TrainOverrides:
    """What of a recipe was asked for; the rest follows from the text."""

    minutes: float = math.inf
    epochs: float = math.inf
    size: str | None = None
    layers: int | None = None
    width: int | None = None
    batch: int | None = None
    rate: float | None = None
    dropout: float | None = None


def make_config(
    vocabulary: int, tokens: int, overrides: TrainOverrides = TrainOverrides(), processes: int = 1
) -> TrainConfig:
    """The recipe for a text of so many tokens: a short text gets fewer streams and shorter sequences.

    Each of several processes gets as many streams as one alone.
    """
    chosen = MODEL_SIZES[overrides.size or _nearest_size(overrides.width) or choose_size(overrides.minutes, tokens)]
    layers, width = overrides.layers or chosen.layers, overrides.width or chosen.width
    return _build_config(
        Architecture(vocabulary, chosen.embedding, layers, width), chosen, tokens, overrides, processes
    )


def make_finetune_config(
    architecture: Architecture, tokens: int, overrides: TrainOverrides, processes: int = 1
) -> TrainConfig:
    """The recipe for going on with a model that is there: half the rate, so that it does not forget what it knows."""
    chosen = MODEL_SIZES[_nearest_size(architecture.width) or "small"]
    return _build_config(architecture, replace(chosen, rate=chosen.rate / 2), tokens, overrides, processes)


def require_batch_fits(config: TrainConfig, tokens: int) -> None:
    """Raise UsageError where the streams of a batch would be too short to learn from."""
    most = max(1, tokens // (2 * MIN_SEQ_LEN))
    if config.batch > most:
        raise UsageError(f"the text is too small for a batch of {config.batch:,} streams: --batch {most:,} at most")


def _build_config(
    architecture: Architecture, size: ModelSize, tokens: int, overrides: TrainOverrides, processes: int
) -> TrainConfig:
    # The small size's dropout and weight decay are meant for few passes.
    few = overrides.minutes <= SHORT_RUN_MINUTES or overrides.epochs <= SHORT_RUN_EPOCHS
    regularization = MODEL_SIZES["medium"] if size.width == MODEL_SIZES["small"].width and not few else size
    batch = overrides.batch or processes * max(1, min(DEFAULT_BATCH_SIZE, tokens // 2_000 // processes))
    return TrainConfig(
        architecture,
        regularization.dropout if overrides.dropout is None else regularization.dropout.scaled(overrides.dropout),
        minutes=overrides.minutes,
        epochs=overrides.epochs,
        batch=batch,
        steps=min(64, max(MIN_SEQ_LEN, tokens // batch // 4)),
        rate=overrides.rate or size.rate,
        weight_decay=regularization.weight_decay,
        average=size.average ** (batch / DEFAULT_BATCH_SIZE),
    )


def _nearest_size(width: int | None) -> str | None:
    """The size whose width is nearest."""
    return min(MODEL_SIZES, key=lambda size: abs(MODEL_SIZES[size].width - width)) if width else None
