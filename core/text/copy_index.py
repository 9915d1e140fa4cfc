"""The index of a training text, by which a model file knows copied runs without having the text.

It holds fingerprints of some of the runs of 16 characters, and of some longer ones. A run that has a fingerprint is
known to stand in the text. Nothing is concluded from two of them, since each may stand in another place.

Which runs are chosen decides how much is noticed. A model writes the commonest phrases of its text again and again, so
they come first. An index of every 20th fingerprint, chosen by its value (Manber 1994), takes as much room and notices a
fifth as much (docs/experiments.md, 2026-11-28).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .chunks import CHUNK_CHARS, TextLike
from .items import ItemSet, contains_hash, hash_item

HashArray = NDArray[np.uint64]

MIN_RUN = 16
"""Minimum characters of a copied run, and characters in a fingerprint. Shorter runs are common phrases."""

RUN_LENGTHS = (MIN_RUN, 24, 32, 48, 64)
"""Characters of the runs in an index, and minimum run lengths for which a ``CopyReport`` gives shares."""

MAX_INDEX_SHARE = 0.15
"""Maximum share of a model file that its index takes up."""

BUCKETS = 256
"""Groups of fingerprints with the same first byte, which is not stored with each."""

MAX_INDEXED_CHUNKS = 2
"""Chunks of 1,048,576 characters that are looked at. Of a longer text they are spread evenly over it.

A character that is looked at takes 90 bytes of memory for a moment.
"""

_SHARE_OF_LENGTH = 0.75
"""Share of the room that is left which the runs of one length take. Those of 16 characters come first."""

_PART = 8
"""Characters of the parts of a run by whose frequency it is judged."""

_SPACING = 8
"""Characters of the text of which one run of 16 is preferred to the others, if each stands in the text once."""

_BETWEEN_CHUNKS = "\0" * max(RUN_LENGTHS)

_HASH_BASE = 0x9E3779B97F4A7C15
_MIX = 0xD6E8FEB86659FD93
_MASK = (1 << 64) - 1
_POWERS = {length: pow(_HASH_BASE, length, 1 << 64) for length in RUN_LENGTHS}


@dataclass(frozen=True, slots=True)
class CopyIndex:
    """Fingerprints of runs of a training text.

    ``prints``: 32 bits of the hash of each run, (n,), sorted within the buckets. ``starts``: the index in ``prints`` at
    which each bucket begins, and n, (BUCKETS + 1,). Bucket b has the hashes that begin with byte b; their next 32 bits
    are in ``prints``. ``lengths``: characters of the runs. ``is_complete``: True if all runs of 16 are there.
    ``items``: sorted hashes of all items of a list, None if the text is none, or they take too much room.

    An index of an earlier release has one bucket, with the first 32 bits of those hashes of runs of 16 that ``modulus``
    divides.

    A run that is not in the text is mistaken for a copy with probability n / 2^40: once in 20 million characters if n
    is 54,000. In an index of an earlier release, with n / 2^32 / ``modulus``.
    """

    prints: NDArray[np.uint32]
    starts: NDArray[np.uint32]
    lengths: tuple[int, ...] = RUN_LENGTHS
    is_complete: bool = False
    modulus: int = 1
    items: NDArray[np.uint32] | None = None

    @classmethod
    def build(cls, text: TextLike, budget: int, items: ItemSet | None = None) -> CopyIndex:
        """Return an index of as many runs of ``text`` as fit in ``budget`` bytes, and of all ``items`` if they fit."""
        item_hashes = items.hashes if items and items.hashes.nbytes <= budget else None
        room = budget - 4 * (BUCKETS + 1) - (0 if item_hashes is None else item_hashes.nbytes)
        hashes, is_complete = choose_runs(text, max(0, room // 4))
        prints = np.unique(hashes >> np.uint64(24))
        starts = np.searchsorted(prints, np.arange(BUCKETS + 1, dtype=np.uint64) << np.uint64(32))
        return cls(prints.astype(np.uint32), starts.astype(np.uint32), RUN_LENGTHS, is_complete, items=item_hashes)

    @classmethod
    def from_sample(cls, modulus: int, prints: NDArray[np.uint32], has_items: bool = False) -> CopyIndex:
        """Return an index as earlier releases built it. If it has items, their hashes are among ``prints``."""
        starts = np.array([0, len(prints)], np.uint32)
        return cls(prints, starts, (MIN_RUN,), modulus == 1, modulus, prints if has_items else None)

    @property
    def is_sampled(self) -> bool:
        """True if an earlier release built the index."""
        return len(self.starts) == 2

    def coverage(self, length: int) -> float | None:
        """Return the probability that a copied run of ``length`` characters is found.

        None if it is not known, because the runs were chosen: what is common is found more often.
        """
        if self.is_complete:
            return float(length >= MIN_RUN)
        return 1 - (1 - 1 / self.modulus) ** max(0, length - MIN_RUN + 1) if self.is_sampled else None

    def contains_item(self, item: str) -> bool:
        """Return True if the list has this item. The index must have items."""
        return self.items is not None and contains_hash(self.items, np.uint32(hash_item(item)))

    def lookup(self) -> Callable[[int], bool]:
        """Return a function that returns True for a 64-bit hash if the index has a run with that hash."""
        prints, starts, modulus = np.array(self.prints).data, self.starts.tolist(), self.modulus
        shift = 32 if self.is_sampled else 24

        def contains(run_hash: int) -> bool:
            if modulus > 1 and run_hash % modulus:
                return False
            bucket, value = divmod(run_hash >> shift, 1 << 32)
            end = starts[bucket + 1]
            at = bisect_left(prints, value, starts[bucket], end)
            return at < end and prints[at] == value

        return contains


def choose_runs(text: TextLike, count: int) -> tuple[HashArray, bool]:
    """Return (hashes of at most ``count`` different runs, True if all runs of 16 are among them).

    Three quarters are runs of 16, three quarters of the rest runs of 24, and so on. A longer run ends where a chosen
    shorter one ends. Those that stand in the text most often come first. Of those that stand there once, one in 8
    characters comes first: the one whose parts are commonest.
    """
    sample = _read_sample(text)
    parts = hash_runs(sample, _PART)
    scores, ends = _log_counts(parts), np.ones(len(sample), bool)
    chosen, is_complete = [np.zeros(0, np.uint64)], False
    for length in RUN_LENGTHS:
        starts = np.flatnonzero(ends[length - 1 :])
        hashes = mix_hashes(_join_parts(parts, length)[starts])
        room = count - sum(map(len, chosen))
        share = room if length == RUN_LENGTHS[-1] else int(room * _SHARE_OF_LENGTH)
        best, is_all = _choose(hashes, _moving_mean(scores, length - _PART + 1)[starts], starts, share)
        is_complete = is_complete or (is_all and length == MIN_RUN and len(sample) == len(text))
        chosen.append(best)
        ends = np.zeros(len(sample), bool)
        ends[starts[np.isin(hashes, best)] + length - 1] = True
    return np.concatenate(chosen), is_complete


def _choose(
    hashes: HashArray, scores: NDArray[np.float64], places: NDArray[np.int64], count: int
) -> tuple[HashArray, bool]:
    """Return (the ``count`` commonest hashes, or all; True if they are all).

    ``scores`` and ``places`` in the text decide between equally common ones.
    """
    values, firsts, counts = np.unique(hashes, return_index=True, return_counts=True)
    score, block = scores[firsts], places[firsts] // _SPACING
    by_block = np.lexsort((-score, block))
    is_preferred = np.zeros(len(values), bool)
    is_preferred[by_block[np.unique(block[by_block], return_index=True)[1]]] = True
    order = np.lexsort((-score, ~is_preferred, -counts))
    return values[order[:count]], count >= len(values)


def _join_parts(parts: HashArray, length: int) -> HashArray:
    """Return what ``hash_runs`` does for a multiple of the length of ``parts``."""
    hashes = np.zeros(max(0, len(parts) - length + _PART), np.uint64)
    for offset in range(0, length, _PART):
        hashes *= np.uint64(pow(_HASH_BASE, _PART, 1 << 64))
        hashes += parts[offset : offset + len(hashes)]
    return hashes


def _read_sample(text: TextLike) -> str:
    """Return all of ``text``, or chunks of it if it is long, with what no text has between them."""
    if len(text) <= MAX_INDEXED_CHUNKS * CHUNK_CHARS:
        return text[:]
    starts = (number * len(text) // MAX_INDEXED_CHUNKS for number in range(MAX_INDEXED_CHUNKS))
    return _BETWEEN_CHUNKS.join(text[start : start + CHUNK_CHARS] for start in starts)


def _log_counts(hashes: HashArray) -> NDArray[np.float64]:
    """Return the logarithm of how often each hash is in ``hashes``, (n,)."""
    _, indices, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    return np.asarray(np.log(counts)[indices])


def _moving_mean(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Return the mean of every ``size`` values in a row."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray((sums[size:] - sums[:-size]) / size)


def compute_fingerprints(text: str) -> HashArray:
    """Return a 64-bit hash of every run of 16 characters, (n - 15,): a polynomial over code points, its bits mixed."""
    return mix_hashes(hash_runs(text, MIN_RUN))


def mix_hashes(hashes: HashArray) -> HashArray:
    """Return the hashes with their bits mixed."""
    hashes = hashes ^ (hashes >> np.uint64(32))
    hashes *= np.uint64(_MIX)
    return np.asarray(hashes ^ (hashes >> np.uint64(29)))


def hash_runs(text: str, length: int) -> HashArray:
    """Return the polynomial over the code points of every run of ``length`` characters, (n - length + 1,)."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)
    count = max(0, len(codes) - length + 1)
    hashes = np.zeros(count, np.uint64)
    for offset in range(length):
        hashes *= np.uint64(_HASH_BASE)
        hashes += codes[offset : offset + count]
    return hashes


def extend_hash(value: int, code: int) -> int:
    """Return the polynomial of a text and one more character from that of the text."""
    return (value * _HASH_BASE + code) & _MASK


def hash_of_end(whole: int, before: int, length: int) -> int:
    """Return the hash of the last ``length`` characters of a text, with its bits mixed.

    ``whole`` and ``before`` are the polynomials of all of it, and of all but those characters.
    """
    value = (whole - before * _POWERS[length]) & _MASK
    value ^= value >> 32
    value = value * _MIX & _MASK
    return value ^ (value >> 29)
