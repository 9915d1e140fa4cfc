"""The filters between the model's scores and the draw: small pure functions on logits (B, V), one row a stream.

Each takes its parameters one a row, (B, 1), and gives logits back; a token that is cut gets -inf. A row whose value is
the off value comes back bit for bit. Names and defaults are llama.cpp's.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
TokenIds = NDArray[np.int32]

MAX_REPEAT = 64
"""How far back a repeat is followed for DRY: its penalty is beyond all logits long before."""


def log_softmax(logits: Array) -> Array:
    """Log-probabilities of each row; -inf stays -inf."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def entropy(logprobs: Array) -> Array:
    """Bits of entropy of each row, (B,): how many yes-no questions the next token is worth; 2 to it, in choices."""
    probs = np.exp(logprobs)
    return np.asarray(-(probs * np.where(probs > 0, logprobs, 0)).sum(axis=1) / np.log(2))


def repeat_penalty(logits: Array, penalty: Array, counts: Array) -> Array:
    """Tokens that occur in ``counts`` (B, V) lose: positive logits are divided by ``penalty``, negative multiplied.

    Keskar et al. 2019 (CTRL, arXiv 1909.05858), section 4.1.
    """
    penalized = np.where(logits > 0, logits / penalty, logits * penalty)
    return np.where((counts > 0) & (penalty != 1), penalized, logits)


def frequency_penalty(logits: Array, penalty: Array, counts: Array) -> Array:
    """Every token loses ``penalty`` for each time that it occurs in ``counts`` (B, V)."""
    return np.where((counts > 0) & (penalty != 0), logits - penalty * counts, logits)


def presence_penalty(logits: Array, penalty: Array, counts: Array) -> Array:
    """Every token that occurs in ``counts`` (B, V) loses ``penalty``, once."""
    return np.where((counts > 0) & (penalty != 0), logits - penalty, logits)


def dry_penalty(row: Array, ids: TokenIds, multiplier: float, base: float, allowed_length: int, limit: int) -> Array:
    """One row (V,): a token that would make a repeat of the text's end longer loses multiplier x base^(n - allowed).

    n >= ``allowed`` is how many tokens before it are the same in ``ids`` (n,), the text so far, counted back from its
    end by at most ``limit``. DRY ("don't repeat yourself") is p-e-w's, text-generation-webui pull request 5677.
    """
    tokens, lengths = find_repeats(ids, limit)
    longest = np.zeros(len(row))
    np.maximum.at(longest, tokens, lengths)
    lost = multiplier * base ** np.minimum(longest - allowed_length, MAX_REPEAT)
    return np.where(longest >= allowed_length, row - lost, row)


def find_repeats(ids: TokenIds, limit: int) -> tuple[TokenIds, NDArray[np.int64]]:
    """Where the end of ``ids`` has stood before: the tokens that followed, and how long each repeat was, (m,) each."""
    limit = min(limit, MAX_REPEAT)
    ends = np.flatnonzero(ids[:-1] == ids[-1]) if len(ids) and limit > 0 else np.empty(0, np.int64)
    lengths = np.ones(len(ends), np.int64)
    alive = np.arange(len(ends))
    back = 1
    while back < limit and len(alive):
        alive = alive[ends[alive] >= back]
        alive = alive[ids[ends[alive] - back] == ids[-1 - back]] if len(alive) else alive
        lengths[alive] += 1
        back += 1
    return ids[ends + 1], lengths


def tokens_since_breaker(ids: TokenIds, breakers: Collection[int]) -> int:
    """How many tokens at the end of ``ids`` come behind the last of ``breakers``: repeats are not followed over it."""
    found = np.flatnonzero(np.isin(ids, list(breakers)))
    return len(ids) - 1 - int(found[-1]) if len(found) else len(ids)


def top_k(logits: Array, k: Array) -> Array:
    """The k likeliest tokens of each row; all where k is 0. Of equals the one with the lower id counts as likelier."""
    return np.where((_ranks(-logits) < k) | (k == 0), logits, -np.inf)


def typical(logits: Array, p: Array) -> Array:
    """The tokens whose surprise is nearest to the entropy, until they reach probability ``p``; all where it is 1.

    Meister et al. 2023, "Locally Typical Sampling" (arXiv 2202.00666), equation 5.
    """
    logprobs = log_softmax(logits)
    distance = np.abs(-logprobs - entropy(logprobs)[:, None] * np.log(2))
    return np.where(_nucleus_mask(np.exp(logprobs), distance, p), logits, -np.inf)


def top_p(logits: Array, p: Array) -> Array:
    """The likeliest tokens of each row until they reach probability ``p``, at least one; all where it is 1.

    Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration" (arXiv 1904.09751), section 3.1.
    """
    logprobs = log_softmax(logits)
    return np.where(_nucleus_mask(np.exp(logprobs), -logprobs, p), logits, -np.inf)


def min_p(logits: Array, p: Array) -> Array:
    """The tokens at least ``p`` times as likely as the row's likeliest; all where it is 0 (arXiv 2407.01082)."""
    with np.errstate(divide="ignore"):
        least = logits.max(axis=1, keepdims=True) + np.log(p)
    return np.where(logits >= least, logits, -np.inf)


MIN_STABLE_TEMPERATURE = 0.01
"""Below this T logits divided by it can overflow."""


def apply_temperature(logits: Array, temperature: Array) -> Array:
    """Logits divided by T; where T is 0 only the likeliest token is left, of equals the first."""
    if temperature.min(initial=1) >= MIN_STABLE_TEMPERATURE:
        return np.asarray(logits / temperature)
    lowered = logits - logits.max(axis=1, keepdims=True)
    divisor = np.where(temperature == 0, 1, temperature)
    likeliest = np.arange(logits.shape[1]) == logits.argmax(axis=1)[:, None]
    with np.errstate(over="ignore", invalid="ignore"):
        # Next to T = 0 all but the likeliest become -inf, as they should.
        cold, warm = lowered / divisor, logits / divisor
    cold = np.where((temperature == 0) & ~likeliest, -np.inf, cold)
    return np.where(temperature < MIN_STABLE_TEMPERATURE, cold, warm)


def max_surprise(logits: Array, bound: Array) -> Array:
    """The tokens whose surprise is at most ``bound`` bits, at least the likeliest; all where it is infinite.

    The truncation of Mirostat 2 (Basu et al. 2021, arXiv 2007.14966, algorithm 2).
    """
    surprise = -log_softmax(logits) / np.log(2)
    return np.where((surprise <= bound) | (logits == logits.max(axis=1, keepdims=True)), logits, -np.inf)


def _ranks(keys: Array) -> NDArray[np.int64]:
    """Each entry's place in its row when sorted upwards, the first among equals first: (B, V)."""
    return keys.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")


def _nucleus_mask(probs: Array, keys: Array, p: Array) -> NDArray[np.bool_]:
    """Which entries, by ascending key, come before probability ``p`` is reached; the first always, all where p is 1."""
    order = keys.argsort(axis=1, kind="stable")
    ordered = np.take_along_axis(probs, order, axis=1)
    kept = (ordered.cumsum(axis=1) - ordered < p) | (p >= 1)
    kept[:, 0] = True
    found = np.empty_like(kept)
    np.put_along_axis(found, order, kept, axis=1)
    return found
