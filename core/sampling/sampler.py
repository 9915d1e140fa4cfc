"""From the model's logits to a token: ``sample``, the function of the lesson, and the filters that the engine runs.

A row's result does not depend on the other rows of its batch. The order is llama.cpp's: ban and bias, penalties, DRY,
top-k, typical, top-p, min-p, temperature, and last the bound on surprisal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from ..inference.kernel import KERNEL, TokenStats
from ..inference.runtime import require_ids
from ..setting_types import Ramp
from ..settings import SPECS, SamplingSettings
from ..text.tokenizer import Ids
from . import filters
from .filters import Array, TokenIds


def sample(preds: ArrayLike, temperature: float = 1.0, rng: np.random.Generator | None = None) -> int:
    """Draw an index from the probabilities ``preds``, (V,), after reshaping them by ``temperature``, from 0 up.

    Below 1, likely ones become likelier (strict). Above 1, all become more alike (diverse). 1 leaves them unchanged.
    At 0 nothing is drawn: the likeliest is returned, of equals the first. Raises ValueError below 0.
    """
    if temperature < 0:
        raise ValueError(f"the temperature is {temperature}; give a number from 0 up")
    with np.errstate(divide="ignore"):  # the logarithm of 0 is -inf, and stays a probability of 0
        log_preds = np.log(np.asarray(preds, np.float64))
    if temperature == 0:
        return int(log_preds.argmax())
    log_preds = log_preds / temperature
    exp_preds = np.exp(log_preds - log_preds.max())
    probs = exp_preds / np.sum(exp_preds)
    rng = rng or np.random.default_rng()
    return int(rng.choice(len(probs), p=probs))


class RowHistory(Protocol):
    """The past tokens of a row, as the chain needs them, and what its settings mean for the model's tokens."""

    def recent(self, n: int) -> TokenIds:
        """Return the latest n token ids, or all if there are fewer, oldest first."""
        ...

    def surprise_bound(self) -> float:
        """Return the bits of surprisal that the next token may have; infinite if the setting ``surprise`` is off."""
        ...

    def logit_bias(self) -> Array | None:
        """Return the numbers (V,) that ``ban`` and ``bias`` add to the logits; None if both are off."""
        ...


LogitsProcessor = Callable[[Array, Sequence[RowHistory]], Array]
"""A function from logits (B, V) and the rows' histories to new logits."""


class SamplerChain:
    """The filters that the rows of a batch use, prepared for many steps. ``breakers`` holds each row's ids for DRY."""

    def __init__(self, settings: Sequence[SamplingSettings], breakers: Sequence[Sequence[int]] = ()) -> None:
        self._settings = list(settings)
        self._breakers = breakers
        self.needs_history = any(self._uses(name) for name in _HISTORY_SETTINGS)
        """True if a draw depends on the tokens before it."""
        self.bounds_surprise = self._uses("surprise")
        """True if a row bounds the surprisal of its tokens."""
        self.temperature_only = not self.bounds_surprise and not any(
            self._uses(name) for name in (*_BIASES, *_PENALTIES, "dry_multiplier", *_TRUNCATION_FILTERS)
        )
        """True if no filter but the temperature is in use."""
        self.has_ramp = any(isinstance(s.temperature, Ramp) for s in settings)
        """True if a row's temperature changes along the text."""
        self._processors = self._build_processors()

    def apply(self, logits: Array, temperatures: Array, histories: Sequence[RowHistory]) -> Array:
        """Return the logits to draw from: ``logits`` (B, V) after all filters and ``temperatures`` (B, 1)."""
        for process in self._processors:
            logits = process(logits, histories)
        logits = filters.apply_temperature(logits, temperatures)
        if self.bounds_surprise:
            bounds = np.array([history.surprise_bound() for history in histories])[:, None]
            logits = filters.max_surprise(logits, bounds)
        return logits

    def _build_processors(self) -> list[LogitsProcessor]:
        """Return the processors in use before the temperature, in the order in which they are applied."""
        processors: list[LogitsProcessor] = []
        if any(self._uses(name) for name in _BIASES):
            processors.append(_add_biases)
        if any(self._uses(name) for name in _PENALTIES):
            processors.append(self._apply_penalties)
        if self._uses("dry_multiplier"):
            processors.append(self._apply_dry)
        for name, row_filter in _TRUNCATION_FILTERS.items():
            if self._uses(name):
                processors.append(_as_processor(row_filter, self._setting_column(name)))
        return processors

    def _apply_penalties(self, logits: Array, histories: Sequence[RowHistory]) -> Array:
        """Apply the penalties for tokens among each row's last ``repeat_last_n``."""
        counts = np.zeros_like(logits)
        for row, (s, history) in enumerate(zip(self._settings, histories, strict=True)):
            counts[row] = np.bincount(history.recent(s.repeat_last_n), minlength=logits.shape[1])
        for name, apply_penalty in _PENALTIES.items():
            if self._uses(name):
                logits = apply_penalty(logits, self._setting_column(name), counts)
        return logits

    def _apply_dry(self, logits: Array, histories: Sequence[RowHistory]) -> Array:
        """Apply DRY to the rows that use it."""
        logits = logits.copy()
        for row, (s, history) in enumerate(zip(self._settings, histories, strict=True)):
            if s.dry_multiplier:
                ids = history.recent(s.dry_penalty_last_n)
                limit = filters.tokens_since_breaker(ids, self._breakers[row] if self._breakers else ())
                parameters = (s.dry_multiplier, s.dry_base, s.dry_allowed_length, limit)
                logits[row] = filters.dry_penalty(logits[row], ids, *parameters)
        return logits

    def _uses(self, name: str) -> bool:
        return any(getattr(s, name) != SPECS[name].off_value for s in self._settings)

    def _setting_column(self, name: str) -> Array:
        return np.array([getattr(s, name) for s in self._settings], np.float64)[:, None]


def draw(shaped: Array, uniforms: Array) -> Ids:
    """Draw the ids (B,) at which the cumulative probability of logits (B, V) first passes each uniform (B, 1)."""
    if uniforms.shape != (len(shaped), 1):
        raise ValueError(f"uniforms have the shape {uniforms.shape}, for {len(shaped)} rows")
    if KERNEL:
        ids = np.empty(len(shaped), np.int64)
        KERNEL.sample(np.ascontiguousarray(shaped), np.ascontiguousarray(uniforms), ids, shaped.shape[1])
        return ids
    cumulative = np.exp(shaped - shaped.max(axis=1, keepdims=True)).cumsum(axis=1)
    # The draw is bounded by the last cumulative value, not by 1: they differ by rounding, and a token that a filter
    # removed must never be drawn.
    return np.asarray((cumulative > uniforms * cumulative[:, -1:]).argmax(axis=1))


def token_stats(raw: Array, shaped: Array, ids: Ids) -> TokenStats:
    """Return the statistics (B,) of ids (B,) from logits (B, V) before the chain, ``raw``, and after it, ``shaped``."""
    if not raw.shape == shaped.shape == (len(ids), raw.shape[1]):
        raise ValueError(f"logits have the shapes {raw.shape} and {shaped.shape}, for {len(ids)} ids")
    require_ids(ids, raw.shape[1])
    if KERNEL:
        stats = np.empty((4, len(ids)))
        model_logits, draw_logits, drawn = map(np.ascontiguousarray, (raw, shaped, ids))
        KERNEL.token_stats(model_logits, draw_logits, drawn, stats, raw.shape[1])
        return TokenStats(*stats)
    logprobs, rows = filters.log_softmax(raw), np.arange(len(ids))
    taken = logprobs[rows, ids]
    rank = 1.0 + np.count_nonzero(logprobs > taken[:, None], axis=1)
    return TokenStats(taken, filters.log_softmax(shaped)[rows, ids], rank, filters.entropy(logprobs))


@runtime_checkable
class FusedSampler(Protocol):
    """A stepper that also draws, if only a temperature is set, with the results of ``draw`` and ``token_stats``."""

    def generate(self, uniforms: Array, temperatures: Array) -> tuple[Ids, TokenStats]:
        """Draw by uniforms (K, B) at temperatures (B,) and read the tokens, K times.

        Returns ids (K, B) and their statistics (K, B). Temperatures must be at least
        ``filters.MIN_STABLE_TEMPERATURE``.
        """
        ...


def _add_biases(logits: Array, histories: Sequence[RowHistory]) -> Array:
    """Add what ``ban`` and ``bias`` say to the rows that use them."""
    logits = logits.copy()
    for row, history in enumerate(histories):
        bias = history.logit_bias()
        if bias is not None:
            logits[row] += bias
    return logits


def _as_processor(row_filter: Callable[[Array, Array], Array], column: Array) -> LogitsProcessor:
    return lambda logits, _: row_filter(logits, column)


_BIASES = ("ban", "bias")

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
"""The filters by the name of their setting, in the order in which they are applied."""

_HISTORY_SETTINGS = (*_PENALTIES, "dry_multiplier", "surprise")
