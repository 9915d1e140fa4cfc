"""Recipes that are known to work, by size; docs/experiments.md tells where their numbers come from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from ..errors import UsageError
from ..inference.model_file import Architecture
from .model import Dropout
from .schedule import Recipe

SHORTEST = 16
"""Tokens through which gradients flow at least."""

STREAMS = 32
"""How many a batch reads where the text is long enough: larger ones are faster and generalise worse."""

QUICK, FEW = 6.0, 15.0
"""Minutes, and epochs, in which a small model does not come to learn a text by heart."""


@dataclass(frozen=True, slots=True)
class Size:
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


SIZES = {
    "small": Size(128, 256, 4e-3, 0.997, 0.02, Dropout(embedding=0.0, between=0.05, output=0.1, recurrent=0.0)),
    "medium": Size(128, 320, 4e-3, 0.998, 0.1, Dropout(embedding=0.05, between=0.15, output=0.3, recurrent=0.2)),
    "large": Size(128, 448, 3e-3, 0.999, 0.1, Dropout(embedding=0.025, between=0.125, output=0.2, recurrent=0.15)),
}


def size_for(minutes: float, tokens: int) -> str:
    """The size that two CPU cores can fill in so many minutes, but none that a text of so many tokens cannot fill."""
    by_time = "small" if minutes <= QUICK else "medium" if minutes <= 45 else "large"
    by_text = "small" if tokens < 300_000 else "medium" if tokens < 2_000_000 else "large"
    return min(by_time, by_text, key=list(SIZES).index)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a recipe was asked for; the rest follows from the text."""

    minutes: float = math.inf
    epochs: float = math.inf
    size: str | None = None
    layers: int | None = None
    width: int | None = None
    batch: int | None = None
    rate: float | None = None
    dropout: float | None = None


def recipe_for(vocabulary: int, tokens: int, wanted: Wanted = Wanted(), processes: int = 1) -> Recipe:
    """The recipe for a text of so many tokens: a short text gets fewer streams and shorter sequences.

    Each of several processes gets as many streams as one alone.
    """
    chosen = SIZES[wanted.size or _size_of_width(wanted.width) or size_for(wanted.minutes, tokens)]
    layers, width = wanted.layers or chosen.layers, wanted.width or chosen.width
    return _recipe(Architecture(vocabulary, chosen.embedding, layers, width), chosen, tokens, wanted, processes)


def recipe_from(architecture: Architecture, tokens: int, wanted: Wanted, processes: int = 1) -> Recipe:
    """The recipe for going on with a model that is there: half the rate, so that it does not forget what it knows."""
    chosen = SIZES[_size_of_width(architecture.width) or "small"]
    return _recipe(architecture, replace(chosen, rate=chosen.rate / 2), tokens, wanted, processes)


def require_streams(recipe: Recipe, tokens: int) -> None:
    """Raise UsageError where the streams of a batch would be too short to learn from."""
    most = max(1, tokens // (2 * SHORTEST))
    if recipe.batch > most:
        raise UsageError(f"the text is too small for a batch of {recipe.batch:,} streams: --batch {most:,} at most")


def _recipe(architecture: Architecture, chosen: Size, tokens: int, wanted: Wanted, processes: int) -> Recipe:
    # The small size's dropout and weight decay are meant for few passes.
    few = wanted.minutes <= QUICK or wanted.epochs <= FEW
    against = SIZES["medium"] if chosen.width == SIZES["small"].width and not few else chosen
    batch = wanted.batch or processes * max(1, min(STREAMS, tokens // 2_000 // processes))
    return Recipe(
        architecture,
        against.dropout if wanted.dropout is None else against.dropout.times(wanted.dropout),
        minutes=wanted.minutes,
        epochs=wanted.epochs,
        batch=batch,
        steps=min(64, max(SHORTEST, tokens // batch // 4)),
        rate=wanted.rate or chosen.rate,
        weight_decay=against.weight_decay,
        average=chosen.average ** (batch / STREAMS),
    )


def _size_of_width(width: int | None) -> str | None:
    """The size whose width is nearest."""
    return min(SIZES, key=lambda size: abs(SIZES[size].width - width)) if width else None
