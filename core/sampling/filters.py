"""The filters between the model's logits and the draw: small pure functions on logits (B, V), one row per stream.

Parameters are columns (B, 1), one value per row. Each function returns logits, -inf for tokens that it removes. A row
whose parameter has the off value is returned bit for bit. Names and defaults are llama.cpp's.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
TokenIds = NDArray[np.int32]

MAX_REPEAT = 64
"""Longest repeat, in tokens, that DRY measures. Its penalty exceeds all logits much earlier."""


def log_softmax(logits: Array) -> Array:
    """Return the log-probabilities of each row; -inf stays -inf."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def entropy(logprobs: Array) -> Array:
    """Return the entropy of each row in bits, (B,). 2 to the entropy is the effective number of choices."""
    probs = np.exp(logprobs)
    return np.asarray(-(probs * np.where(probs > 0, logprobs, 0)).sum(axis=1) / np.log(2))


def repeat_penalty(logits: Array, penalty: Array, counts: Array) -> Array:
    """Divide positive logits of tokens that occur in ``counts`` (B, V) by ``penalty``; multiply negative ones by it.

    Keskar et al. 2019 (CTRL, arXiv 1909.05858), section 4.1.
    """
    penalized = np.where(logits > 0, logits / penalty, logits * penalty)
    return np.where((counts > 0) & (penalty != 1), penalized, logits)


def frequency_penalty(logits: Array, penalty: Array, counts: Array) -> Array:
    """Subtract ``penalty`` from a token's logit for each time that it occurs in ``counts`` (B, V)."""
    return np.where((counts > 0) & (penalty != 0), logits - penalty * counts, logits)


def presence_penalty(logits: Array, penalty: Array, counts: Array) -> Array:
    """Subtract ``penalty`` once from the logit of every token that occurs in ``counts`` (B, V)."""
    return np.where((counts > 0) & (penalty != 0), logits - penalty, logits)


def dry_penalty(row: Array, ids: TokenIds, multiplier: float, base: float, allowed_length: int, limit: int) -> Array:
    """Penalize tokens of one row (V,) that would continue a repeat: subtract multiplier x base^(n - allowed_length).

    ``ids`` are the text so far. n is the length of the repeat: the number of tokens at the end of ``ids`` that also
    stood before an earlier occurrence of the token, counted up to ``limit``. Repeats shorter than ``allowed_length``
    cost nothing. DRY ("don't repeat yourself") is p-e-w's, text-generation-webui pull request 5677.
    """
    tokens, lengths = find_repeats(ids, limit)
    longest = np.zeros(len(row))
    np.maximum.at(longest, tokens, lengths)
    penalty = multiplier * base ** np.minimum(longest - allowed_length, MAX_REPEAT)
    return np.where(longest >= allowed_length, row - penalty, row)


def find_repeats(ids: TokenIds, limit: int) -> tuple[TokenIds, NDArray[np.int64]]:
    """Find the earlier occurrences of the end of ``ids``.

    Returns the tokens that followed them, (m,), and the lengths of the repeats, (m,), each at most ``limit``.
    """
    limit = min(limit, MAX_REPEAT)
    ends = np.flatnonzero(ids[:-1] == ids[-1]) if len(ids) and limit > 0 else np.empty(0, np.int64)
    lengths = np.ones(len(ends), np.int64)
    alive = np.arange(len(ends))
    back = 1
    while back < limit and len(alive):
        alive = alive[ends[alive] >= back]
        alive = alive[ids[ends[alive] - back] == ids[-1 - back]]
        lengths[alive] += 1
        back += 1
    return ids[ends + 1], lengths


def tokens_since_breaker(ids: TokenIds, breakers: Collection[int]) -> int:
    """Return the number of tokens in ``ids`` after the last of ``breakers``. DRY measures no repeat across it."""
    positions = np.flatnonzero(np.isin(ids, list(breakers)))
    return len(ids) - 1 - int(positions[-1]) if len(positions) else len(ids)


def top_k(logits: Array, k: Array) -> Array:
    """Keep the k likeliest tokens of each row; all if k is 0. Among equally likely tokens, the lower id comes first."""
    return np.where((_ranks(-logits) < k) | (k == 0), logits, -np.inf)


def typical(logits: Array, p: Array) -> Array:
    """Keep the tokens whose surprisal is closest to the entropy, until they reach probability ``p``; all if p is 1.

    Meister et al. 2023, "Locally Typical Sampling" (arXiv 2202.00666), equation 5.
    """
    logprobs = log_softmax(logits)
    distance = np.abs(-logprobs - entropy(logprobs)[:, None] * np.log(2))
    return np.where(_nucleus_mask(np.exp(logprobs), distance, p), logits, -np.inf)


def top_p(logits: Array, p: Array) -> Array:
    """Keep the likeliest tokens of each row until they reach probability ``p``, at least one; all if p is 1.

    Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration" (arXiv 1904.09751), section 3.1.
    """
    logprobs = log_softmax(logits)
    return np.where(_nucleus_mask(np.exp(logprobs), -logprobs, p), logits, -np.inf)


def min_p(logits: Array, p: Array) -> Array:
    """Keep the tokens at least ``p`` times as likely as the row's likeliest; all if p is 0 (arXiv 2407.01082)."""
    with np.errstate(divide="ignore"):
        threshold = logits.max(axis=1, keepdims=True) + np.log(p)
    return np.where(logits >= threshold, logits, -np.inf)


MIN_STABLE_TEMPERATURE = 0.01
"""Lowest temperature at which dividing logits by it cannot overflow."""


def apply_temperature(logits: Array, temperature: Array) -> Array:
    """Divide logits by the temperature. At 0 keep only the likeliest token, the first among equals."""
    if temperature.min(initial=1) >= MIN_STABLE_TEMPERATURE:
        return np.asarray(logits / temperature)
    lowered = logits - logits.max(axis=1, keepdims=True)
    divisor = np.where(temperature == 0, 1, temperature)
    likeliest = np.arange(logits.shape[1]) == logits.argmax(axis=1)[:, None]
    with np.errstate(over="ignore", invalid="ignore"):
        # Just above T = 0 all but the likeliest overflow to -inf, the correct limit.
        cold, warm = lowered / divisor, logits / divisor
    cold = np.where((temperature == 0) & ~likeliest, -np.inf, cold)
    return np.where(temperature < MIN_STABLE_TEMPERATURE, cold, warm)


def max_surprise(logits: Array, bound: Array) -> Array:
    """Keep the tokens whose surprisal is at most ``bound`` bits, at least the likeliest; all if it is infinite.

    The truncation of Mirostat 2 (Basu et al. 2021, arXiv 2007.14966, algorithm 2).
    """
    surprisal = -log_softmax(logits) / np.log(2)
    return np.where((surprisal <= bound) | (logits == logits.max(axis=1, keepdims=True)), logits, -np.inf)


def _ranks(keys: Array) -> NDArray[np.int64]:
    """Return each entry's rank in its row, ascending from 0, (B, V). Among equal entries the first ranks first."""
    return keys.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")


def _nucleus_mask(probs: Array, keys: Array, p: Array) -> NDArray[np.bool_]:
    """Return a mask (B, V): True for the entries that, in ascending order of ``keys``, are needed to reach ``p``.

    The first entry in that order is always True. All are True if p is 1.
    """
    order = keys.argsort(axis=1, kind="stable")
    sorted_probs = np.take_along_axis(probs, order, axis=1)
    sorted_mask = (sorted_probs.cumsum(axis=1) - sorted_probs < p) | (p >= 1)
    sorted_mask[:, 0] = True
    mask = np.empty_like(sorted_mask)
    np.put_along_axis(mask, order, sorted_mask, axis=1)
    return mask
