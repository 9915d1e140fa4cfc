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


class RowHistory(Protocol):
    """What the chain may ask of a row's past."""

    def recent(self, n: int) -> TokenIds:
        """The latest n token ids, or as many as there are, oldest first."""
        ...

    def surprise_bound(self) -> float:
        """How many bits of surprise the next token may have; infinite where no surprise is set."""
        ...


LogitsProcessor = Callable[[Array, Sequence[RowHistory]], Array]


class SamplerChain:
    """The filters that the rows of a batch use, made ready once. ``breakers`` are each row's for DRY, as token ids."""

    def __init__(self, settings: Sequence[Settings], breakers: Sequence[Sequence[int]] = ()) -> None:
        self._settings, self._breakers = list(settings), breakers
        self.needs_history = any(self._uses(name) for name in _HISTORY_SETTINGS)
        """Whether a draw depends on the tokens before it."""
        self.bounds_surprise = self._uses("surprise")
        self.temperature_only = not self.bounds_surprise and not any(
            self._uses(name) for name in (*_PENALTIES, "dry_multiplier", *_TRUNCATION_FILTERS)
        )
        """Whether there is nothing but the temperature between logits and draw."""
        self.has_ramp = any(isinstance(s.temperature, Ramp) for s in settings)
        self._processors: list[LogitsProcessor] = []
        if any(self._uses(name) for name in _PENALTIES):
            self._processors.append(self._apply_penalties)
        if self._uses("dry_multiplier"):
            self._processors.append(self._apply_dry)
        for name, kept in _TRUNCATION_FILTERS.items():
            if self._uses(name):
                self._processors.append(_as_processor(kept, self._setting_column(name)))

    def apply(self, logits: Array, temperatures: Array, histories: Sequence[RowHistory]) -> Array:
        """What the draw uses: logits (B, V) behind all filters, at ``temperatures`` (B, 1)."""
        for step in self._processors:
            logits = step(logits, histories)
        logits = filters.apply_temperature(logits, temperatures)
        if self.bounds_surprise:
            bounds = np.array([memory.surprise_bound() for memory in histories])[:, None]
            logits = filters.max_surprise(logits, bounds)
        return logits

    def _apply_penalties(self, logits: Array, histories: Sequence[RowHistory]) -> Array:
        """The penalties for what stands in the last ``repeat_last_n`` tokens."""
        counts = np.zeros_like(logits)
        for row, (s, memory) in enumerate(zip(self._settings, histories, strict=True)):
            counts[row] = np.bincount(memory.recent(s.repeat_last_n), minlength=logits.shape[1])
        for name, apply_penalty in _PENALTIES.items():
            if self._uses(name):
                logits = apply_penalty(logits, self._setting_column(name), counts)
        return logits

    def _apply_dry(self, logits: Array, histories: Sequence[RowHistory]) -> Array:
        """DRY, for the rows that use it."""
        logits = logits.copy()
        for row, (s, memory) in enumerate(zip(self._settings, histories, strict=True)):
            if s.dry_multiplier:
                ids = memory.recent(s.dry_penalty_last_n)
                limit = filters.tokens_since_breaker(ids, self._breakers[row] if self._breakers else ())
                chosen = (s.dry_multiplier, s.dry_base, s.dry_allowed_length, limit)
                logits[row] = filters.dry_penalty(logits[row], ids, *chosen)
        return logits

    def _uses(self, name: str) -> bool:
        return any(getattr(s, name) != SPECS[name].off_value for s in self._settings)

    def _setting_column(self, name: str) -> Array:
        return np.array([getattr(s, name) for s in self._settings], np.float64)[:, None]


def draw(shaped: Array, uniforms: Array) -> Ids:
    """Draw the ids (B,) at which the cumulated probability of logits (B, V) first passes each uniform (B, 1)."""
    if KERNEL:
        ids = np.empty(len(shaped), np.int64)
        KERNEL.sample(np.ascontiguousarray(shaped), np.ascontiguousarray(uniforms), ids, shaped.shape[1])
        return ids
    cumulated = np.exp(shaped - shaped.max(axis=1, keepdims=True)).cumsum(axis=1)
    # The last cumulated value, not 1, bounds the draw: rounding lets them differ, and a cut token must never come up.
    return np.asarray((cumulated > uniforms * cumulated[:, -1:]).argmax(axis=1))


class TokenStats(NamedTuple):
    """What is to be told of draws, arrays (B,) or (K, B), as in ``events.Token``."""

    logprob: Array
    shaped: Array
    rank: Array
    entropy: Array


def token_stats(raw: Array, shaped: Array, ids: Ids) -> TokenStats:
    """Tell of drawn ids (B,) what they were to the model, from its logits (B, V), and to the draw, from shaped ones."""
    if KERNEL:
        stats = np.empty((4, len(ids)))
        logits, drawn, which = map(np.ascontiguousarray, (raw, shaped, ids))
        KERNEL.token_stats(logits, drawn, which, stats, raw.shape[1])
        return TokenStats(*stats)
    logprobs, rows = filters.log_softmax(raw), np.arange(len(ids))
    taken = logprobs[rows, ids]
    rank = 1.0 + np.count_nonzero(logprobs > taken[:, None], axis=1)
    return TokenStats(taken, filters.log_softmax(shaped)[rows, ids], rank, filters.entropy(logprobs))


@runtime_checkable
class FusedSampler(Protocol):
    """A stepper that also draws, where nothing but a temperature is set: what ``pick`` and ``describe`` would."""

    def generate(self, uniforms: Array, temperatures: Array) -> tuple[Ids, Array]:
        """Draw by uniforms (K, B) at temperatures (B,) and read what was drawn, K times.

        Gives ids (K, B), and the fields of ``Described`` for them, (4, K, B). Temperatures are at least
        ``filters.COLDEST``.
        """
        ...


def _as_processor(row_filter: Callable[[Array, Array], Array], column: Array) -> LogitsProcessor:
    return lambda logits, _: row_filter(logits, column)


_PENALTIES: dict[str, Callable[[Array, Array, Array], Array]] = {
    "repeat_penalty": filters.repeat_penalty,
    "frequency_penalty": filters.frequency_penalty,
    "presence_penalty": filters.presence_penalty,
}

_TRUNCATION_FILTERS: dict[str, Callable[[Array, Array], Array]] = {
    "top_k": filters.top_k,
    "typical": filters.typical,
    "top_p": filters.top_p,
    "min_p": filters.min_p,
}
"""The filters by the name of their setting, in the order in which they act."""

_HISTORY_SETTINGS = (*_PENALTIES, "dry_multiplier", "surprise")
