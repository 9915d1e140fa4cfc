"""What counting alone reaches on a text: n-gram models as baselines that a reader understands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..text.chunks import Text

LONGEST_TEXT = 3_000_000
"""Characters that are counted at most: more change the second decimal, and take memory."""


def bits_per_character(trained: Text, validated: str, order: int) -> float:
    """The loss on ``validated`` of an interpolated n-gram model of ``trained``, n = ``order``, Witten-Bell smoothed.

    P(c | h) = (n(h, c) + t(h) P(c | h')) / (n(h) + t(h)), where h' is h without its first character, t(h) the number
    of different characters seen behind h, and below the shortest h all are equally likely (Witten and Bell 1991).
    """
    known, text, check = _ids(trained[-LONGEST_TEXT:], validated)
    chances = np.full(len(check), 1 / known)
    groups, wanted = np.zeros(len(text), np.int64), np.zeros(len(check), np.int64)
    for n in range(1, min(order, len(text)) + 1):
        keys, groups, counts = np.unique(groups * known + text, return_inverse=True, return_counts=True)
        contexts, starts = np.unique(keys // known, return_index=True)
        totals, kinds = np.add.reduceat(counts, starts), np.diff(np.append(starts, len(keys)))
        at = _found(contexts, wanted)
        pair = _found(keys, np.where(wanted < 0, -1, wanted * known + check))
        seen = np.where(pair < 0, 0, counts[pair])
        higher = (seen + kinds[at] * chances) / (totals[at] + kinds[at])
        places = (at >= 0) & (np.arange(len(check)) >= n - 1)
        chances = np.where(places, higher, chances)
        # The context one character longer ends with what was just looked at, one place further back.
        groups, text = groups[:-1], text[1:]
        wanted = np.concatenate([[-1], pair[:-1]])
    return float(-np.log2(chances).mean())


def _ids(trained: str, validated: str) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    codes = np.frombuffer((trained + validated).encode("utf-32-le", "surrogatepass"), "<u4")
    alphabet, ids = np.unique(codes, return_inverse=True)
    return len(alphabet), ids[: len(trained)].astype(np.int64), ids[len(trained) :].astype(np.int64)


def _found(among: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each wanted value stands in a sorted array, -1 where it does not."""
    at = np.minimum(np.searchsorted(among, wanted), len(among) - 1)
    return np.where(among[at] == wanted, at, -1)
