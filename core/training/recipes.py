"""Recipes that are known to work, by size; docs/experiments.md tells where their numbers come from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ..modelfile import Architecture
from .lstm import Dropout
from .train import Recipe


@dataclass(frozen=True, slots=True)
class Size:
    """What goes with a size of model: its shape, and how hard it has to be kept from learning by heart."""

    embedding: int
    width: int
    rate: float
    average: float
    dropout: Dropout = field(default_factory=Dropout)
    layers: int = 2


SIZES = {
    "small": Size(128, 256, 4e-3, 0.997, Dropout(embedding=0.0, between=0.05, output=0.1, recurrent=0.0)),
    "medium": Size(128, 320, 4e-3, 0.998, Dropout(embedding=0.05, between=0.15, output=0.3, recurrent=0.2)),
    "large": Size(128, 512, 3e-3, 0.999, Dropout(embedding=0.05, between=0.25, output=0.4, recurrent=0.3)),
}


def size_for(minutes: float) -> str:
    """The size that two CPU cores can fill in so many minutes."""
    return "small" if minutes <= 6 else "medium" if minutes <= 15 else "large"


def recipe_for(vocabulary: int, tokens: int, size: str, minutes: float = math.inf, epochs: float = math.inf) -> Recipe:
    """The recipe of a size for a text of so many tokens: a short text gets fewer streams and shorter sequences."""
    chosen = SIZES[size]
    batch = max(1, min(32, tokens // 2_000))
    return Recipe(
        Architecture(vocabulary, chosen.embedding, chosen.layers, chosen.width),
        chosen.dropout,
        minutes=minutes,
        epochs=epochs,
        batch=batch,
        steps=min(64, max(16, tokens // batch // 4)),
        rate=chosen.rate,
        average=chosen.average,
    )
