"""N-gram models: the loss that counting alone reaches, as a baseline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..text.chunks import TextLike

MAX_COUNTED_CHARS = 3_000_000
"""Maximum number of characters counted. More would only change the second decimal, and take memory."""


def ngram_bits_per_char(train_text: TextLike, slices: Sequence[str], order: int, uncounted: str = "") -> float:
    """Return the loss on ``slices`` of an interpolated n-gram model of ``train_text``, n = ``order``.

    Witten-Bell smoothing (1991): P(c | h) = (n(h, c) + t(h) P(c | h')) / (n(h) + t(h)). n counts occurrences, h' is h
    without its first character, and t(h) is the number of distinct characters seen after h. For the empty h, P(c | h')
    is uniform. No h reaches into the slice before. The character
    ``uncounted`` is left out of the mean.
    """
    alphabet_size, text, valid = _encode(train_text[-MAX_COUNTED_CHARS:], "".join(slices))
    offsets = np.concatenate([np.arange(len(part)) for part in slices])
    probs = np.full(len(valid), 1 / alphabet_size)
    text_contexts = np.zeros(len(text), np.int64)
    valid_contexts = np.zeros(len(valid), np.int64)
    for n in range(1, min(order, len(text)) + 1):
        ngrams, text_contexts, counts = np.unique(
            text_contexts * alphabet_size + text, return_inverse=True, return_counts=True
        )
        contexts, starts = np.unique(ngrams // alphabet_size, return_index=True)
        totals = np.add.reduceat(counts, starts)
        distinct = np.diff(np.append(starts, len(ngrams)))
        context = _find_indices(contexts, valid_contexts)
        ngram = _find_indices(ngrams, np.where(valid_contexts < 0, -1, valid_contexts * alphabet_size + valid))
        seen = np.where(ngram < 0, 0, counts[ngram])
        longer = (seen + distinct[context] * probs) / (totals[context] + distinct[context])
        has_context = (context >= 0) & (offsets >= n - 1)
        probs = np.where(has_context, longer, probs)
        # The n-gram that ends before a character is that character's context in the next round.
        text_contexts, text = text_contexts[:-1], text[1:]
        valid_contexts = np.concatenate([[-1], ngram[:-1]])
    counted = np.array([character != uncounted for character in "".join(slices)])
    return float(-np.log2(probs[counted]).mean())


def _encode(train_text: str, valid_text: str) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    codes = np.frombuffer((train_text + valid_text).encode("utf-32-le", "surrogatepass"), "<u4")
    alphabet, ids = np.unique(codes, return_inverse=True)
    return len(alphabet), ids[: len(train_text)].astype(np.int64), ids[len(train_text) :].astype(np.int64)


def _find_indices(sorted_values: NDArray[np.int64], targets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the index of each target in ``sorted_values``, -1 if it is not there."""
    indices = np.minimum(np.searchsorted(sorted_values, targets), len(sorted_values) - 1)
    return np.where(sorted_values[indices] == targets, indices, -1)
