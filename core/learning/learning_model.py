"""A model that learns from a person: its figures, and the models that came of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from threading import main_thread
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..inference.library import learned_name
from ..inference.runtime import Stepper
from ..model import Model
from ..text.tokenizer import Ids
from .dynamic_evaluation import DynamicEvaluation
from .lstm import cross_entropy
from .own_words import find_known, spread_to_tokens
from .parameters import Array, to_tensors

KEPT_STATES = 8
"""Models that are kept of one that learns, those used last, so that their passages can be opened again exactly."""

READ_BEFORE = 100
"""Characters that are read, and not learned, before the first of a text that are."""


Mask = NDArray[np.bool_]
"""True for characters or tokens that are learned."""


class Figures(NamedTuple):
    """The losses of a text, each piece before it was learned: of the parent, and of what it had become.

    ``characters`` were learned. Losses are sums, in nats. ``unknown`` characters were not learned, because the model
    has no tokens for them.
    """

    characters: int = 0
    nats_before: float = 0.0
    nats: float = 0.0
    unknown: int = 0

    def plus(self, other: Figures) -> Figures:
        """Return the figures of two texts together."""
        characters, unknown = self.characters + other.characters, self.unknown + other.unknown
        return Figures(characters, self.nats_before + other.nats_before, self.nats + other.nats, unknown)

    @property
    def bits_before(self) -> float:
        """Bits per character that the parent needs."""
        return self.nats_before / max(1, self.characters) / math.log(2)

    @property
    def bits(self) -> float:
        """Bits per character while learning."""
        return self.nats / max(1, self.characters) / math.log(2)

    def describe(self, brief: bool = False) -> str:
        """Return the figures in words: "1,204 characters of yours: 2.31 → 1.98 bits", or "1,204: 2.31 → 1.98 bits"."""
        characters = f"{self.characters:,}{'' if brief else ' characters of yours'}"
        return f"{characters}: {self.bits_before:.2f} → {self.bits:.2f} bits"


class LearningModel:
    """Learns from texts, one after another, and makes a model of what it has learned after each.

    ``latest`` is that model, the parent at first. ``states`` are models by their hash: the parent and those taken up.
    If ``forgotten`` is set, also from another thread, reading ends at the next segment, and ``latest`` changes no more.
    """

    def __init__(self, parent: Model) -> None:
        """Raises UsageError if ``parent`` cannot learn."""
        if not can_learn(parent):
            raise UsageError(f"{parent.name} is a mixture, and has no weights to learn with; choose one model")
        self.parent = self.latest = parent
        self.figures = Figures()
        self.states = {parent.file.sha256: parent}
        self.forgotten = False
        self._weights: DynamicEvaluation | None = None

    @property
    def is_over(self) -> bool:
        """True if no more is to be learned: the learning is forgotten, or the program ends."""
        return self.forgotten or not main_thread().is_alive()

    def prepare(self) -> DynamicEvaluation:
        """Return the weights. The first call takes about a second."""
        if self._weights is None:
            self._weights = DynamicEvaluation(self.parent)
        return self._weights

    def take_up(self, state: Model) -> Model:
        """Return a model of this learning, and keep it. Of those that were taken up, the last few are kept."""
        self.states.pop(state.file.sha256, None)
        self.states[state.file.sha256] = state
        for sha256 in [sha256 for sha256, model in self.states.items() if model is not self.parent][:-KEPT_STATES]:
            del self.states[sha256]
        return state

    def restart(self, current: Model) -> LearningModel:
        """Return one of the same parent that has learned nothing, and knows ``current`` as one of its states."""
        learning = LearningModel(self.parent)
        learning.states.setdefault(current.file.sha256, current)
        return learning

    def learn(
        self, text: str, is_own: Mask | None = None, on_progress: Callable[[float], None] = lambda _: None
    ) -> Figures:
        """Learn ``text``, or those of its characters for which ``is_own`` (n,) is True. Return the figures of it.

        If any was learned, ``latest`` is another model then. Calls ``on_progress`` with the share done, 0 to 1.
        """
        own = np.ones(len(text), bool) if is_own is None else is_own
        known = find_known(text, self.parent.tokenizer)
        places = np.flatnonzero(own & known)
        figures = Figures()
        if len(places):
            part = slice(max(0, int(places[0]) - READ_BEFORE), int(places[-1]) + 1)
            for figures in self._read(text[part], (own & known)[part]):
                on_progress(figures.characters / len(places))
        figures = figures._replace(unknown=int(np.count_nonzero(own & ~known)))
        if not self.is_over:
            self.figures = self.figures.plus(figures)
            self.latest = self._make_model() if figures.characters else self.latest
        return figures

    def _read(self, text: str, is_own: Mask) -> Iterator[Figures]:
        """Read a text, and learn the person's own part of it. Yield the figures so far after each segment."""
        ids, is_learned = self._encode(text, is_own)
        chars_per_token = int(np.count_nonzero(is_own)) / max(1, int(np.count_nonzero(is_learned)))
        runtime = self.parent.runtime
        stepper = runtime.stepper(runtime.zeros(1), exclusive=False)  # others may be writing with it
        tokens, nats_before, nats, at = 0, 0.0, 0.0, 0
        for losses in self.prepare().read(ids, is_learned):
            segment = slice(at, at + len(losses) + 1)
            counted = is_learned[segment][1:]
            tokens += int(np.count_nonzero(counted))
            nats_before += float(_score(stepper, ids[segment]) @ counted)
            nats += float(losses @ counted)
            at += len(losses)
            yield Figures(round(tokens * chars_per_token), nats_before, nats)
            if self.is_over:
                return

    def _encode(self, text: str, is_own: Mask) -> tuple[Ids, Mask]:
        """Return the tokens of a text after a newline, and which of them are learned."""
        tokenizer = self.parent.tokenizer
        begin, ids = tokenizer.encode("\n"), tokenizer.encode(text)
        is_learned = spread_to_tokens(is_own, ids, tokenizer)
        return np.concatenate([begin, ids]), np.concatenate([np.zeros(len(begin), bool), is_learned])

    def _make_model(self) -> Model:
        """Return the weights as an int8 model, with a card that says what it is."""
        file, figures = self.parent.file, self.figures
        card = replace(
            file.card,
            parent=self.parent.name,
            learned_characters=figures.characters,
            nats_per_char_before_learning=figures.nats_before / max(1, figures.characters),
            nats_per_char_while_learning=figures.nats / max(1, figures.characters),
            nats_per_char_cold=None,
            nats_per_char_stateful=None,
            command="",
            made=datetime.now(UTC).date().isoformat(),
        )
        tensors = {**file.tensors, **to_tensors(self.prepare().weights)}
        learned = replace(file, tensors=tensors, card=card).with_sha256()
        return Model(learned_name(self.parent.name, figures.characters), learned)


def can_learn(model: Model) -> bool:
    """True if a model has weights of its own: a mixture has none."""
    return bool(model.file.tensors)


def _score(stepper: Stepper, ids: Ids) -> Array:
    """Read all tokens of ids (n,) but the last. Return the losses (n - 1,) of all but the first, in nats."""
    logits = np.empty((len(ids) - 1, stepper.logits.shape[1]), np.float32)
    for number in range(len(logits)):
        stepper.step(ids[number : number + 1])
        logits[number] = stepper.logits[0]
    return cross_entropy(logits, ids[1:])[0]
