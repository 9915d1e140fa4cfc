"""What counting alone reaches on a text: n-gram models as baselines that a reader understands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..text.chunks import TextLike

MAX_COUNTED_CHARS = 3_000_000
"""Characters that are counted at most: more change the second decimal, and take memory."""


def ngram_bits_per_char(train_text: TextLike, valid_text: str, order: int) -> float:
    """The loss on ``validated`` of an interpolated n-gram model of ``trained``, n = ``order``, Witten-Bell smoothed.

    P(c | h) = (n(h, c) + t(h) P(c | h')) / (n(h) + t(h)), where h' is h without its first character, t(h) the number
    of different characters seen behind h, and below the shortest h all are equally likely (Witten and Bell 1991).
    """
    known, text, check = _encode(train_text[-MAX_COUNTED_CHARS:], valid_text)
    chances = np.full(len(check), 1 / known)
    groups, wanted = np.zeros(len(text), np.int64), np.zeros(len(check), np.int64)
    for n in range(1, min(order, len(text)) + 1):
        keys, groups, counts = np.unique(groups * known + text, return_inverse=True, return_counts=True)
        contexts, starts = np.unique(keys // known, return_index=True)
        totals, kinds = np.add.reduceat(counts, starts), np.diff(np.append(starts, len(keys)))
        at = _find_indices(contexts, wanted)
        pair = _find_indices(keys, np.where(wanted < 0, -1, wanted * known + check))
        seen = np.where(pair < 0, 0, counts[pair])
        higher = (seen + kinds[at] * chances) / (totals[at] + kinds[at])
        places = (at >= 0) & (np.arange(len(check)) >= n - 1)
        chances = np.where(places, higher, chances)
        # The context one character longer ends with what was just looked at, one place further back.
        groups, text = groups[:-1], text[1:]
        wanted = np.concatenate([[-1], pair[:-1]])
    return float(-np.log2(chances).mean())


def _encode(train_text: str, valid_text: str) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    codes = np.frombuffer((train_text + valid_text).encode("utf-32-le", "surrogatepass"), "<u4")
    alphabet, ids = np.unique(codes, return_inverse=True)
    return len(alphabet), ids[: len(train_text)].astype(np.int64), ids[len(train_text) :].astype(np.int64)


def _find_indices(sorted_values: NDArray[np.int64], targets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each wanted value stands in a sorted array, -1 where it does not."""
    at = np.minimum(np.searchsorted(sorted_values, targets), len(sorted_values) - 1)
    return np.where(sorted_values[at] == targets, at, -1)
