"""The model card: what a model file says about its making."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, fields
from typing import Any

from ..errors import ModelError, SettingError
from ..settings import merge_layers
from ..text.items import find_item_end
from ..text.split import FIRST_SPLIT

MAX_CARD_NUMBER = 10**15
"""Largest number in a card. No text has more characters, and no training takes more seconds."""


@dataclass(frozen=True, slots=True)
class Card:
    """The model card: how a model was made. Losses are nats per character on the test text, copied shares 0 to 1.

    ``lines``, ``items``, ``reader``, ``author``, ``label_column`` and ``lower``: as in ``ReadOptions``.
    ``copied_items``: the share of the items in a sample that stand in the training text, None if it is no list.
    ``kept``: which weights of the run these are, and why. ``unseen_in_runs_of_16``: the copied share of the test text,
    which is what the author repeats without copying. ``noticed_by_index``: the share of the copied characters of a
    sample that the index notices. Both are None for a list, or if they were not measured.
    ``cells``: those of the LSTM that follow a thing best.

    If the model has learned from a person's text (``core.learning``), ``learned_characters`` is its length, and the two
    losses are those on that text: of the model ``parent``, and while learning, each piece before it was learned. Else
    the three are None.
    """

    corpus: str = ""
    corpus_sha256: str = ""
    characters: int = 0
    boilerplate_kept: bool = False
    encoding: str = "utf-8"
    nats_per_char_cold: float | None = None
    nats_per_char_stateful: float | None = None
    epochs: float = 0.0
    seconds: float = 0.0
    command: str = ""
    licence: str = ""
    made: str = ""
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    field: str = ""
    column: str = ""
    lines: bool = False
    split: str = FIRST_SPLIT
    parent: str = ""
    longest_copied_run: int = 0
    copied_in_runs_of_16: float = 0.0
    items: str = ""
    reader: str = ""
    author: str = ""
    label_column: str = ""
    copied_items: float | None = None
    unseen_in_runs_of_16: float | None = None
    noticed_by_index: float | None = None
    cells: str = ""
    learned_characters: int | None = None
    nats_per_char_before_learning: float | None = None
    nats_per_char_while_learning: float | None = None
    lower: bool = False
    kept: str = ""

    @property
    def item_end(self) -> str:
        """The text that ends an item if the model was trained on a list, else ""."""
        return find_item_end(self.lines, self.items)

    def fold_case(self, text: str) -> str:
        """Return ``text`` in lower case if the model was trained on such text, else as it is."""
        return text.lower() if self.lower else text

    @classmethod
    def from_header(cls, values: object) -> Card:
        """Return the card in a header. Entries added by a later release are ignored. Raises ModelError."""
        if not isinstance(values, dict):
            raise ModelError("its card is not readable")
        known = {f.name: values[f.name] for f in fields(cls) if f.name in values}
        settings = known.pop("settings", {})
        try:
            merge_layers(settings)
        except (SettingError, AttributeError) as error:
            raise ModelError(f"its card has settings that are not valid: {error}") from None
        return cls(
            **{name: value for name, value in known.items() if _is_valid_card_value(cls(), name, value)},
            settings=settings,
        )


def _is_valid_card_value(card: Card, name: str, value: object) -> bool:
    """Return True if a card's entry has the right type and, if it is text, no terminal control characters."""
    if getattr(card, name) is None:
        return value is None or _is_number(value)
    default = getattr(card, name)
    if isinstance(default, float):
        return _is_number(value)
    if type(value) is not type(default):
        return False
    return value.isprintable() if isinstance(value, str) else isinstance(value, bool) or _is_number(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_CARD_NUMBER
