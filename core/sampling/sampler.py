"""From the model's scores to a token: the lesson's function, and the chain of filters that the engine runs.

Each row is treated alone, so its result does not depend on the batch. The order is llama.cpp's: penalties, DRY, top-k,
typical, top-p, min-p, temperature, and last the bound on surprise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from ..inference.kernel import KERNEL
from ..setting_types import Ramp
from ..settings import SPECS, Settings
from ..text.tokenizer import Ids
from . import filters
from .filters import Array, TokenIds


def sample(preds: ArrayLike, temperature: float = 1.0, rng: np.random.Generator | None = None) -> int:
    """Draw an index from the probabilities ``preds``, (V,), after reshaping them by ``temperature`` > 0.

    Below 1 the likely gets likelier (strict), above 1 all get more alike (diverse); 1 leaves them as they are.
    """
    log_preds = np.log(np.asarray(preds, np.float64))
    log_preds = log_preds / temperature
    exp_preds = np.exp(log_preds - log_preds.max())
    probs = exp_preds / np.sum(exp_preds)
    rng = rng or np.random.default_rng()
    return int(rng.choice(len(probs), p=probs))


class Memory(Protocol):
    """What the chain may ask of a row's past."""

    def recent(self, n: int) -> TokenIds:
        """The latest n token ids, or as many as there are, oldest first."""
        ...

    def surprise_bound(self) -> float:
        """How many bits of surprise the next token may have; infinite where no surprise is set."""
        ...


Step = Callable[[Array, Sequence[Memory]], Array]


class Chain:
    """The filters that the rows of a batch use, made ready once. ``breakers`` are each row's for DRY, as token ids."""

    def __init__(self, settings: Sequence[Settings], breakers: Sequence[Sequence[int]] = ()) -> None:
        self._settings, self._breakers = list(settings), breakers
        self.remembers = any(self._used(name) for name in _REMEMBERING)
        """Whether a draw depends on the tokens before it."""
        self.bounded = self._used("surprise")
        self.plain = not self.bounded and not any(self._used(name) for name in (*_PENALTIES, "dry_multiplier", *_CUTS))
        """Whether there is nothing but the temperature between logits and draw."""
        self.ramps = any(isinstance(s.temperature, Ramp) for s in settings)
        self._steps: list[Step] = []
        if any(self._used(name) for name in _PENALTIES):
            self._steps.append(self._penalised)
        if self._used("dry_multiplier"):
            self._steps.append(self._dry)
        for name, kept in _CUTS.items():
            if self._used(name):
                self._steps.append(_cut(kept, self._column(name)))

    def shape(self, logits: Array, temperatures: Array, memories: Sequence[Memory]) -> Array:
        """What the draw uses: logits (B, V) behind all filters, at ``temperatures`` (B, 1)."""
        for step in self._steps:
            logits = step(logits, memories)
        logits = filters.heated(logits, temperatures)
        if self.bounded:
            bounds = np.array([memory.surprise_bound() for memory in memories])[:, None]
            logits = filters.surprise_kept(logits, bounds)
        return logits

    def _penalised(self, logits: Array, memories: Sequence[Memory]) -> Array:
        """The penalties for what stands in the last ``repeat_last_n`` tokens."""
        counts = np.zeros_like(logits)
        for row, (s, memory) in enumerate(zip(self._settings, memories, strict=True)):
            counts[row] = np.bincount(memory.recent(s.repeat_last_n), minlength=logits.shape[1])
        for name, penalised in _PENALTIES.items():
            if self._used(name):
                logits = penalised(logits, self._column(name), counts)
        return logits

    def _dry(self, logits: Array, memories: Sequence[Memory]) -> Array:
        """DRY, for the rows that use it."""
        logits = logits.copy()
        for row, (s, memory) in enumerate(zip(self._settings, memories, strict=True)):
            if s.dry_multiplier:
                ids = memory.recent(s.dry_penalty_last_n)
                limit = filters.since_breaker(ids, self._breakers[row] if self._breakers else ())
                chosen = (s.dry_multiplier, s.dry_base, s.dry_allowed_length, limit)
                logits[row] = filters.dry_penalised(logits[row], ids, *chosen)
        return logits

    def _used(self, name: str) -> bool:
        return any(getattr(s, name) != SPECS[name].off for s in self._settings)

    def _column(self, name: str) -> Array:
        return np.array([getattr(s, name) for s in self._settings], np.float64)[:, None]


def pick(shaped: Array, uniforms: Array) -> Ids:
    """Draw the ids (B,) at which the cumulated probability of logits (B, V) first passes each uniform (B, 1)."""
    if KERNEL:
        ids = np.empty(len(shaped), np.int64)
        KERNEL.pick(np.ascontiguousarray(shaped), np.ascontiguousarray(uniforms), ids, shaped.shape[1])
        return ids
    cumulated = np.exp(shaped - shaped.max(axis=1, keepdims=True)).cumsum(axis=1)
    # The last cumulated value, not 1, bounds the draw: rounding lets them differ, and a cut token must never come up.
    return np.asarray((cumulated > uniforms * cumulated[:, -1:]).argmax(axis=1))


class Described(NamedTuple):
    """What is to be told of draws, arrays (B,) or (K, B), as in ``events.Token``."""

    logprob: Array
    shaped: Array
    rank: Array
    entropy: Array


def describe(raw: Array, shaped: Array, ids: Ids) -> Described:
    """Tell of drawn ids (B,) what they were to the model, from its logits (B, V), and to the draw, from shaped ones."""
    if KERNEL:
        told = np.empty((4, len(ids)))
        logits, drawn, which = map(np.ascontiguousarray, (raw, shaped, ids))
        KERNEL.describe(logits, drawn, which, told, raw.shape[1])
        return Described(*told)
    logprobs, rows = filters.log_softmax(raw), np.arange(len(ids))
    taken = logprobs[rows, ids]
    rank = 1.0 + np.count_nonzero(logprobs > taken[:, None], axis=1)
    return Described(taken, filters.log_softmax(shaped)[rows, ids], rank, filters.entropy(logprobs))


@runtime_checkable
class Writer(Protocol):
    """A stepper that also draws, where nothing but a temperature is set: what ``pick`` and ``describe`` would."""

    def write(self, uniforms: Array, temperatures: Array) -> tuple[Ids, Array]:
        """Draw by uniforms (K, B) at temperatures (B,) and read what was drawn, K times.

        Gives ids (K, B), and the fields of ``Described`` for them, (4, K, B). Temperatures are at least
        ``filters.COLDEST``.
        """
        ...


def _cut(kept: Callable[[Array, Array], Array], column: Array) -> Step:
    return lambda logits, _: kept(logits, column)


_PENALTIES: dict[str, Callable[[Array, Array, Array], Array]] = {
    "repeat_penalty": filters.repeat_penalised,
    "frequency_penalty": filters.frequency_penalised,
    "presence_penalty": filters.presence_penalised,
}

_CUTS: dict[str, Callable[[Array, Array], Array]] = {
    "top_k": filters.top_k_kept,
    "typical": filters.typical_kept,
    "top_p": filters.top_p_kept,
    "min_p": filters.min_p_kept,
}
"""The filters by the name of their setting, in the order in which they act."""

_REMEMBERING = (*_PENALTIES, "dry_multiplier", "surprise")
