"""Mixtures of models: a runtime made of runtimes, whose logits are the weighted sum of those of its members.

With weights that sum to 1 the probabilities are a weighted geometric mean, normalized: a logarithmic opinion pool
(Genest and Zidek 1986, "Combining probability distributions", section 3.3).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError, UsageError
from ..text.copy_index import CopyIndex
from ..text.tokenizer import STAND_IN, CharTokenizer, Ids
from . import library
from .model_card import Card
from .model_file import Architecture, ModelFile, open_model_file
from .runtime import Logits, Runtime, StateArrays, Stepper, require_ids, require_same_form

MAX_PARTS = 8
"""Most models in a mixture. Each step takes as long as the steps of all of them."""

MAX_PART_WEIGHT = 1e6
"""Largest weight that can be typed. Weights are divided by their sum."""


class Part(NamedTuple):
    """A member of a mixture, as typed: a model's name or path, and its weight."""

    name: str
    weight: float


@dataclass(frozen=True, slots=True)
class Mixture(ModelFile):
    """The tokenizer, card and hash of a mixture. It has no tensors of its own, and cannot be saved.

    ``weights`` of ``members`` sum to 1.
    """

    members: tuple[ModelFile, ...] = ()
    weights: tuple[float, ...] = ()

    def save(self, path: Path) -> None:
        """Raise UsageError."""
        raise UsageError(f"a mixture cannot be saved as {path}: it is made of other models")

    def _indexes(self) -> list[CopyIndex | None]:
        return [member.index for member in self.members]


def split_mixture(text: str) -> list[Part]:
    """Return the members in a text such as "shakespeare:0.6 + tolstoy:0.4"; [] if it names one model.

    A member without a weight has weight 1. Raises ModelError if it is written otherwise, one member is there twice, or
    there are more than ``MAX_PARTS``.
    """
    if "+" not in text or library.is_model(text):
        return []
    parts = [_parse_part(part.strip(), text) for part in text.split("+")]
    if len(parts) > MAX_PARTS:
        raise ModelError(f"a mixture has at most {MAX_PARTS} models, and this one has {len(parts)}")
    names = [part.name for part in parts]
    for name in names:
        if names.count(name) > 1:
            raise ModelError(f"{name[:64]!r} is in the mixture twice; add its weights")
    return parts


def _parse_part(part: str, text: str) -> Part:
    name, colon, typed = part.rpartition(":")
    if not colon or library.is_path(typed):  # C:\models\mine.safetensors has a colon, and no weight
        name, typed = part, "1"
    try:
        weight = float(typed)
    except ValueError:
        weight = math.nan
    if not name.strip() or not 0 < weight <= MAX_PART_WEIGHT:
        raise ModelError(
            f"{text[:64]!r} is no mixture: write names and weights above 0, such as shakespeare:0.6 + tolstoy:0.4"
        )
    return Part(name.strip(), weight)


def find_models(text: str) -> tuple[str, list[library.ModelEntry]]:
    """Return (name, models) of a mixture, or of one model, without the folders of paths. Raises ModelError.

    The name has all digits of the weights, and no exponent with a "+": it names the same mixture again.
    """
    parts = split_mixture(text)
    if not parts:
        entry = library.find_model(text)
        return entry.name, [entry]
    entries = [library.find_model(part.name) for part in parts]
    weights = [repr(part.weight).removesuffix(".0") for part in parts]
    return " + ".join(f"{entry.name}:{weight}" for entry, weight in zip(entries, weights, strict=True)), entries


def is_in_library(text: str) -> bool:
    """Return True if all models of a mixture, or the only one, are in the library by name."""
    names = {entry.name for entry in library.list_models()}
    with contextlib.suppress(ModelError):
        return {part.name for part in split_mixture(text) or [Part(text, 1)]} <= names
    return False


def open_mixture(text: str) -> tuple[str, Mixture]:
    """Return (name, file) of a mixture. Raises ModelError if a member is missing, or is no model of characters."""
    name, entries = find_models(text)
    files = tuple(open_model_file(entry.path) for entry in entries)
    for entry, file in zip(entries, files, strict=True):
        if not isinstance(file.tokenizer, CharTokenizer):
            raise ModelError(
                f"{entry.name} cannot be in a mixture: it writes {file.tokenizer.kind} tokens, and a mixture characters"
            )
    weights = normalize([part.weight for part in split_mixture(text)])
    tokenizer = _union([_tokenizer(file) for file in files])
    architecture = Architecture(tokenizer.size, 0, sum(file.architecture.layers for file in files), 0)
    card, sha256 = _mix_cards([file.card for file in files], name), _hash(files, weights)
    return name, Mixture(architecture, tokenizer, card, {}, sha256, members=files, weights=tuple(weights))


def normalize(weights: Sequence[float]) -> list[float]:
    """Return weights divided by their sum."""
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def _tokenizer(file: ModelFile) -> CharTokenizer:
    assert isinstance(file.tokenizer, CharTokenizer)
    return file.tokenizer


def _union(tokenizers: Sequence[CharTokenizer]) -> CharTokenizer:
    """Return a tokenizer of all characters: those of the first model, then new ones in order of code points."""
    first, *others = (tokenizer.characters for tokenizer in tokenizers)
    characters = [*first, *sorted(set().union(*others) - set(first))]
    return CharTokenizer(characters, any(tokenizer.stand_in is not None for tokenizer in tokenizers))


def _hash(files: Sequence[ModelFile], weights: Sequence[float]) -> str:
    parts = [[file.sha256, weight] for file, weight in zip(files, weights, strict=True)]
    return hashlib.sha256(json.dumps(["mixture", *parts]).encode()).hexdigest()


def _mix_cards(cards: Sequence[Card], name: str) -> Card:
    """Return a card with what all members have in common."""
    first = cards[0]
    settings = {key: value for key, value in first.settings.items() if all(c.settings.get(key) == value for c in cards)}
    same_items = all((card.lines, card.items) == (first.lines, first.items) for card in cards)
    return Card(
        corpus=name,
        characters=sum(card.characters for card in cards),
        licence="; ".join(dict.fromkeys(card.licence for card in cards if card.licence)),
        settings=settings,
        lines=same_items and first.lines,
        items=first.items if same_items else "",
    )


class MixtureRuntime:
    """Steps the members of a mixture one after the other. Its state has the arrays of each member in turn.

    A character that a member lacks is as likely as its least likely one, and is read by it as its replacement.
    """

    def __init__(self, mixture: Mixture, make_runtime: Callable[[ModelFile], Runtime]) -> None:
        characters = _tokenizer(mixture).characters
        self._members = [
            Member(make_runtime(file), _tokenizer(file), characters, weight)
            for file, weight in zip(mixture.members, mixture.weights, strict=True)
        ]
        self._vocabulary = len(characters)
        self.max_batches = min(member.runtime.max_batches for member in self._members)

    def zeros(self, rows: int) -> StateArrays:
        """Return the initial state, before any token."""
        return tuple(array for member in self._members for array in member.runtime.zeros(rows))

    def stepper(self, state: StateArrays, exclusive: bool = True) -> MixtureStepper:
        """Return a stepper that continues from a copy of ``state``."""
        require_same_form(state, self.zeros(0))
        arrays = iter(state)
        parts = [tuple(next(arrays) for _ in member.runtime.zeros(0)) for member in self._members]
        steppers = [member.runtime.stepper(part, exclusive) for member, part in zip(self._members, parts, strict=True)]
        return MixtureStepper(self._members, steppers, np.empty((len(state[0]), self._vocabulary), np.float32))


class Member:
    """A model in a mixture: its runtime, its weight, and how its characters and those of the mixture correspond."""

    def __init__(self, runtime: Runtime, tokenizer: CharTokenizer, characters: Sequence[str], weight: float) -> None:
        self.runtime = runtime
        self.ids: Ids = tokenizer.encode("".join(characters))
        """The member's id of each character of the mixture, (V,)."""
        own = tokenizer.characters
        known = {character: index for index, character in enumerate(own)}
        self._columns = np.array([known.get(character, len(own)) for character in characters])
        self._drawn = np.array([character != STAND_IN for character in own])
        self._weight = weight

    def weigh(self, logits: Logits) -> NDArray[np.float64]:
        """Return the weighted logits of the mixture's characters, (B, V), from those of the member's."""
        wide = logits.astype(np.float64)
        floor = wide.min(axis=1, keepdims=True, where=self._drawn, initial=np.inf)
        return np.asarray(np.concatenate([wide, floor], axis=1)[:, self._columns] * self._weight)


class MixtureStepper:
    """Steps the same rows of every member. Logits are computed row by row, so that no row depends on another."""

    def __init__(self, members: Sequence[Member], steppers: Sequence[Stepper], logits: Logits) -> None:
        self._members = list(zip(members, steppers, strict=True))
        self._logits = logits

    @property
    def logits(self) -> Logits:
        """The logits for the next token of each row, (B, V)."""
        return self._logits

    @property
    def state(self) -> StateArrays:
        """The state of all rows, of each member in turn."""
        return tuple(array for _, stepper in self._members for array in stepper.state)

    def shift_gates(self, shifts: NDArray[Any] | None) -> None:
        """Do nothing if ``shifts`` is None. Raises ValueError otherwise, since a mixture has no styles."""
        if shifts is not None:
            raise ValueError("a mixture has no styles")

    def step(self, ids: Ids) -> None:
        """Read one token per row, ids (B,)."""
        self.step_many(ids[None])

    def step_many(self, ids: Ids) -> None:
        """Read T tokens per row, ids (T, B). Raises UsageError, having read nothing, if an id is no token."""
        require_ids(ids, self._logits.shape[1])
        if not len(ids):
            return
        total = np.zeros(self._logits.shape)
        for member, stepper in self._members:
            stepper.step_many(member.ids[ids])
            total += member.weigh(stepper.logits)
        self._logits[:] = total
