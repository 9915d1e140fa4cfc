"""Draw items from a model of a list, many at once, and measure how many of them stand in the list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from .events import Done, Event, Token
from .generation.snapshot import Snapshot
from .model import Model
from .settings import Settings

FIRST_BATCH, BATCH_SIZE = 16, 256
"""Items that are drawn at the same time: at first, and at most."""

MEASURED_ITEMS, MEASURED_CHARS = 1000, 100_000
"""Items drawn to measure the share that stands in the list. Fewer if they have more characters together."""

MAX_MEASURED_LENGTH = 4000
"""Most characters of an item that is drawn to be measured. A longer one counts as not copied."""


class Item(NamedTuple):
    """A text with its events. ``ended`` is True if it ended with a stop text, False if it was cut at its length."""

    text: str
    events: list[Event]
    ended: bool


def draw_items(model: Model, start: Snapshot, settings: Settings, rng: int) -> Iterator[Item]:
    """Yield texts that continue ``start``, without end. Text n (from 0) uses take n of ``rng``, in any batch."""
    first, size = 0, FIRST_BATCH
    while True:
        for events in model.engine().open_samples(start, settings, rng, size, first):
            yield _collect(list(events))
        first, size = first + size, min(2 * size, BATCH_SIZE)


def measure_copied_items(model: Model, contains: Callable[[str], bool], temperature: object, rng: int = 1) -> float:
    """Return the share of generated items, 0 to 1, that ``contains`` knows. The model is one of a list.

    Empty items do not count.
    """
    settings = Settings().changed(temperature=temperature, length=MAX_MEASURED_LENGTH, stop=(model.file.card.item_end,))
    copied: list[bool] = []
    characters = 0
    for item in islice(draw_items(model, model.read("").snapshot, settings, rng), MEASURED_ITEMS):
        if item.text.strip():
            copied.append(item.ended and contains(item.text))
        characters += len(item.text)
        if characters >= MEASURED_CHARS:
            break
    return sum(copied) / max(1, len(copied))


def _collect(events: list[Event]) -> Item:
    text = "".join(event.text for event in events if isinstance(event, Token | Done))
    return Item(text, events, any(isinstance(event, Done) and event.reason == "stop" for event in events))
