"""Samples on the way: short texts at four temperatures, with the same random numbers each time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from ..model import Model
from ..sanitize import escape_controls
from .history_files import SampleRow

T = TypeVar("T")

SAMPLE_TEMPERATURES = (0.2, 0.5, 1.0, 1.2)
"""Temperatures of the samples."""

SAMPLE_LENGTH = 160
"""Characters of a sample."""

SAMPLE_RNG = 1
"""Random seed of every sample, so that samples of two epochs differ by what was learned between them."""

STEPS_RATIO = 1.25
"""Ratio of the steps of two samples in a row, at least. A run of a million steps has 60: early weights change fast, and
the last ones hardly, so they are few and yet show all."""


def is_sample_due(step: int, last_sampled: int, is_end: bool) -> bool:
    """Return True if the weights of ``step`` are to write samples. ``is_end`` is True at the run's last step."""
    return step >= STEPS_RATIO * last_sampled or is_end


def write_samples(model: Model) -> Iterator[tuple[float, str]]:
    """Yield each temperature and what ``model`` writes at it after a newline."""
    for temperature in SAMPLE_TEMPERATURES:
        yield temperature, model.generate("\n", length=SAMPLE_LENGTH, temperature=temperature, rng=SAMPLE_RNG, stop=())


def show_sample(text: str) -> str:
    """Return a sample on one line, safe to print."""
    return escape_controls(text).strip("\n").replace("\n", "⏎").replace("\t", " ")


def by_epoch(rows: Iterable[SampleRow]) -> list[tuple[float, list[SampleRow]]]:
    """Return the samples of each epoch, in the order of the rows."""
    return [(epoch, list(group)) for epoch, group in groupby(rows, lambda row: row.epoch)]


def spread(items: Sequence[T], most: int) -> list[T]:
    """Return at most ``most`` (two or more) of the items, evenly spread, with the first and the last."""
    last = len(items) - 1
    return list(items) if last < most else [items[round(n * last / (most - 1))] for n in range(most)]
