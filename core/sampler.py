"""From the model's scores to a token: the lesson's function, and the chain of small filters around it.

Filters take and return logits (B, V), one row a stream, with one parameter a row (B, 1); a token that is cut gets -inf.
Each row is treated alone, so its result does not depend on the batch. The order is that of llama.cpp: penalties,
top-k, typical, top-p, min-p, temperature last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .settings import SPECS, Settings

Array = NDArray[np.float64]


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


class Drawn(NamedTuple):
    """One draw for every row; arrays (B,), as in ``events.Token``."""

    ids: NDArray[np.int64]
    logprob: Array
    shaped: Array
    rank: NDArray[np.int64]
    entropy: Array


def draw_tokens(
    logits: NDArray[np.float32],
    settings: Sequence[Settings],
    temperatures: Sequence[float],
    recent: Sequence[Sequence[int]],
    uniforms: Sequence[float],
    forced: Sequence[int | None] = (),
) -> Drawn:
    """Draw a token for each row of logits (B, V): its settings, its T, its latest ids and its uniform in [0, 1).

    Where ``forced`` names a token, that one is taken instead.
    """
    raw = log_softmax(logits.astype(np.float64))
    shaped = shape(raw, settings, temperatures, recent)
    ids = pick(shaped, np.asarray(uniforms)[:, None])
    for row, token in enumerate(forced):
        ids[row] = ids[row] if token is None else token
    rows = np.arange(len(ids))
    taken = raw[rows, ids]
    return Drawn(ids, taken, shaped[rows, ids], 1 + (raw > taken[:, None]).sum(axis=1), entropy(raw))


def shape(
    raw: Array, settings: Sequence[Settings], temperatures: Sequence[float], recent: Sequence[Sequence[int]]
) -> Array:
    """The whole chain: log-probabilities (B, V) of the model in, those that the draw uses out."""
    logits = raw
    for name, kept in _FILTERS.items():
        values = [getattr(s, name) for s in settings]
        if any(value != SPECS[name].off for value in values):
            column = np.array(values, np.float64)[:, None]
            logits = kept(logits, column, _seen(raw.shape, settings, recent))
    turned = np.array(temperatures, np.float64)[:, None]
    if logits is raw and (turned == 1).all():
        return raw
    shaped = log_softmax(heated(logits, turned))
    # Rounding would touch a row that nothing changes: it stays as it is, so that "off" is off to the last bit.
    same = (logits == raw).all(axis=1, keepdims=True) & (turned == 1)
    return np.where(same, raw, shaped)


def log_softmax(logits: Array) -> Array:
    """Log-probabilities of each row; -inf stays -inf."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def entropy(logprobs: Array) -> Array:
    """Bits of entropy of each row, (B,): how many yes-no questions the next token is worth; 2 to it, in choices."""
    probs = np.exp(logprobs)
    return np.asarray(-(probs * np.where(probs > 0, logprobs, 0)).sum(axis=1) / np.log(2))


def repeat_penalised(logits: Array, penalty: Array, seen: NDArray[np.bool_]) -> Array:
    """Tokens that ``seen`` (B, V) marks lose: positive logits are divided by ``penalty``, negative ones multiplied.

    Keskar et al. 2019 (CTRL, arXiv 1909.05858), section 4.1.
    """
    penalised = np.where(logits > 0, logits / penalty, logits * penalty)
    return np.where(seen, penalised, logits)


def top_k_kept(logits: Array, k: Array) -> Array:
    """The k likeliest tokens of each row; all where k is 0. Of equals the one with the lower id counts as likelier."""
    return np.where((_places(-logits) < k) | (k == 0), logits, -np.inf)


def typical_kept(logits: Array, p: Array) -> Array:
    """The tokens whose surprise is nearest to the entropy, until they reach probability ``p``; all where it is 1.

    Meister et al. 2023, "Locally Typical Sampling" (arXiv 2202.00666), equation 5.
    """
    logprobs = log_softmax(logits)
    distance = np.abs(-logprobs - entropy(logprobs)[:, None] * np.log(2))
    return np.where(_until(np.exp(logprobs), _places(distance), p), logits, -np.inf)


def top_p_kept(logits: Array, p: Array) -> Array:
    """The likeliest tokens of each row until they reach probability ``p``, at least one; all where it is 1.

    Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration" (arXiv 1904.09751), section 3.1.
    """
    logprobs = log_softmax(logits)
    return np.where(_until(np.exp(logprobs), _places(-logprobs), p), logits, -np.inf)


def min_p_kept(logits: Array, p: Array) -> Array:
    """The tokens at least ``p`` times as likely as the row's likeliest; all where it is 0 (arXiv 2407.01082)."""
    with np.errstate(divide="ignore"):
        least = logits.max(axis=1, keepdims=True) + np.log(p)
    return np.where(logits >= least, logits, -np.inf)


def heated(logits: Array, temperature: Array) -> Array:
    """Logits divided by T; where T is 0 only the likeliest token is left, of equals the first."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    with np.errstate(over="ignore"):  # next to T = 0 all but the likeliest become -inf, as they should
        divided = shifted / np.where(temperature == 0, 1, temperature)
    if (temperature > 0).all():
        return np.asarray(divided)
    likeliest = np.arange(logits.shape[1]) == logits.argmax(axis=1)[:, None]
    return np.where((temperature == 0) & ~likeliest, -np.inf, divided)


def pick(logprobs: Array, uniforms: Array) -> NDArray[np.int64]:
    """The ids (B,) at which the cumulated probability first passes each uniform (B, 1)."""
    # The last cumulated value, not 1, bounds the draw: rounding lets them differ, and a cut token must never come up.
    cumulated = np.exp(logprobs).cumsum(axis=1)
    return np.asarray((cumulated > uniforms * cumulated[:, -1:]).argmax(axis=1))


def _places(keys: Array) -> NDArray[np.int64]:
    """Each entry's place in its row when sorted upwards, the first among equals first: (B, V)."""
    return keys.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")


def _until(probs: Array, places: NDArray[np.int64], p: Array) -> NDArray[np.bool_]:
    """Which entries, taken by place, come before probability ``p`` is reached; the first always, all where p is 1."""
    order = places.argsort(axis=1)
    before = np.take_along_axis(probs, order, axis=1).cumsum(axis=1) - np.take_along_axis(probs, order, axis=1)
    return np.asarray((np.take_along_axis(before, places, axis=1) < p) | (places == 0) | (p >= 1))


def _seen(shape: tuple[int, ...], settings: Sequence[Settings], recent: Sequence[Sequence[int]]) -> NDArray[np.bool_]:
    seen = np.zeros(shape, bool)
    for row, (s, ids) in enumerate(zip(settings, recent, strict=True)):
        seen[row, list(ids[-s.repeat_window :] if s.repeat_window else ())] = True
    return seen


_FILTERS: dict[str, Callable[[Array, Array, NDArray[np.bool_]], Array]] = {
    "repeat_penalty": repeat_penalised,
    "top_k": lambda logits, k, _: top_k_kept(logits, k),
    "typical": lambda logits, p, _: typical_kept(logits, p),
    "top_p": lambda logits, p, _: top_p_kept(logits, p),
    "min_p": lambda logits, p, _: min_p_kept(logits, p),
}
"""The filters by the name of their setting, in the order in which they act."""
