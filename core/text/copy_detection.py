"""Find what a model copied from its training text.

A character is copied if it is part of a run of at least 16 characters that the training text contains verbatim. With
the text, all runs are found exactly. Without it, an index in the model file finds most of them: a sample of
fingerprints, chosen by their value (Manber 1994, "Finding similar files in a large file system").
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .chunks import TextLike, iter_chunks
from .items import ItemSet, contains_hash, hash_item

HashArray = NDArray[np.uint64]

MIN_RUN = 16
"""Minimum characters of a copied run, and characters in a fingerprint. Shorter runs are common phrases."""

MAX_INDEX_SHARE = 0.15
"""Maximum share of a model file that its index takes up."""

REPORTED_LENGTHS = (16, 24, 32, 48, 64)
"""Minimum run lengths for which a ``CopyReport`` gives shares."""

_HASH_BASE = 0x9E3779B97F4A7C15
_MIX = 0xD6E8FEB86659FD93
_MASK = (1 << 64) - 1
_LOW = np.uint64(0xFFFF)
_OLDEST_FACTOR = pow(_HASH_BASE, MIN_RUN, 1 << 64)


@dataclass(frozen=True, slots=True)
class CopyIndex:
    """A sample of the fingerprints of a training text: those hashes of 16-character runs that ``modulus`` divides.

    ``fingerprints``: the upper 32 bits of the sampled hashes, sorted, uint32 (n,). If ``has_items``, the hashes of all
    items of a list are among them.
    A copied run of k characters is found with probability ``coverage(k)``. A sampled fingerprint, or an item, that is
    not in the text is mistaken for a copy with probability n / 2^32.
    """

    modulus: int
    fingerprints: NDArray[np.uint32]
    has_items: bool = False

    @classmethod
    def build(cls, text: TextLike, budget: int) -> CopyIndex:
        """Return an index of ``text``, as dense as fits in ``budget`` bytes."""
        # A first sample bounds the memory. The final modulus is a multiple of its step, so it selects from this sample.
        step = max(1, len(text) // max(1, budget))
        samples = [h[h % np.uint64(step) == 0] for h in map(compute_fingerprints, iter_chunks(text, MIN_RUN - 1))]
        hashes = np.unique(np.concatenate(samples))
        modulus = max(1, 4 * len(hashes) // max(1, budget)) * step
        while 4 * np.count_nonzero(hashes % np.uint64(modulus) == 0) > budget:
            modulus += step
        sampled = hashes[hashes % np.uint64(modulus) == 0] >> np.uint64(32)
        return cls(modulus, np.unique(sampled.astype(np.uint32)))

    @classmethod
    def build_for_items(cls, items: ItemSet, text: TextLike, budget: int) -> CopyIndex:
        """Return an index of all ``items`` of a list and of the runs in ``text``.

        It takes at most ``budget`` bytes. If the items alone take more, there are none in it.
        """
        if items.hashes.nbytes > budget:
            return cls.build(text, budget)
        runs = cls.build(text, budget - items.hashes.nbytes)
        return cls(runs.modulus, np.union1d(runs.fingerprints, items.hashes), has_items=True)

    def contains_item(self, item: str) -> bool:
        """Return True if the list has this item. The index must have items."""
        return contains_hash(self.fingerprints, np.uint32(hash_item(item)))

    def coverage(self, length: int) -> float:
        """Return the probability that a copied run of ``length`` characters is found."""
        return float(1 - (1 - 1 / self.modulus) ** max(0, length - MIN_RUN + 1))

    def contains(self, fingerprint: int) -> bool | None:
        """Return True if the text has this 64-bit fingerprint, False if not, None if ``modulus`` does not divide it."""
        if fingerprint % self.modulus:
            return None
        return contains_hash(self.fingerprints, np.uint32(fingerprint >> 32))


class CopyMatch(NamedTuple):
    """A copied run: its length, and the number of characters of the same push that follow it."""

    length: int
    chars_after: int


class CopyDetector:
    """Finds copied runs in a growing text with the index of a model file, or of several."""

    def __init__(self, *indexes: CopyIndex) -> None:
        self._indexes = indexes
        self._contains = indexes[0].contains if len(indexes) == 1 else self._contains_any
        self._last = deque([0] * MIN_RUN, maxlen=MIN_RUN)
        self._hash = 0
        self._chars_read = 0
        self._run_length = 0
        self._since_match = 0

    def push(self, text: str) -> CopyMatch | None:
        """Append ``text``. Return the last copied run found that ends in it, or None.

        The run may have begun before ``text``. It is found at its 16th character at the earliest.
        """
        match = None
        for chars_after, character in zip(range(len(text) - 1, -1, -1), text, strict=True):
            length = self._step(ord(character))
            match = CopyMatch(length, chars_after) if length else match
        return match

    def _step(self, code: int) -> int:
        """Append a character. Return the length of the copied run that ends with it, 0 if none is found."""
        self._hash = (self._hash * _HASH_BASE + code - self._last[0] * _OLDEST_FACTOR) & _MASK
        self._last.append(code)
        self._chars_read += 1
        self._since_match += 1
        known = self._contains(_mix_bits(self._hash)) if self._chars_read >= MIN_RUN else None
        if known is False:
            self._run_length = 0
        elif known:
            # The run continues if the last match is near: no sampled fingerprint in between contradicted it.
            continues = self._run_length and self._since_match <= 2 * MIN_RUN
            self._run_length = self._run_length + self._since_match if continues else MIN_RUN
            self._since_match = 0
            return self._run_length
        return 0

    def _contains_any(self, fingerprint: int) -> bool | None:
        """Return True if one of the texts has the fingerprint, False if none has, None if that is not known."""
        answers = [index.contains(fingerprint) for index in self._indexes]
        return True if True in answers else None if None in answers else False


@dataclass(frozen=True, slots=True)
class CopyReport:
    """Measurements of the copied part of a text.

    ``longest``: characters of the longest copied run.
    ``shares``: the share of characters in runs of at least each of ``REPORTED_LENGTHS``, 0 to 1, by that length.
    """

    characters: int
    longest: int
    shares: dict[int, float]

    @classmethod
    def from_runs(cls, runs: NDArray[np.int64]) -> CopyReport:
        """Return the report on a text with these run lengths, (n,), as ``copied_run_lengths`` returns them."""
        shares = {length: float(np.mean(runs >= length)) if len(runs) else 0.0 for length in REPORTED_LENGTHS}
        return cls(len(runs), int(runs.max(initial=0)), shares)

    def to_dict(self) -> dict[str, float]:
        """Return the figures by name, for ``--json`` and the model card."""
        shares = {f"copied_in_runs_of_{length}": round(share, 4) for length, share in self.shares.items()}
        return {"longest_copied_run": self.longest, **shares}


def copied_run_lengths(generated: str, text: TextLike) -> NDArray[np.int64]:
    """Return the length of the longest copied run that each character of ``generated`` is part of, (n,).

    A run is copied if ``text`` contains it. Runs of fewer than 16 characters count as 0.
    """
    lengths = _run_lengths_from(generated, text)
    runs = np.zeros(len(generated), np.int64)
    for start in np.flatnonzero(lengths >= MIN_RUN).tolist():
        run = runs[start : start + lengths[start]]
        np.maximum(run, lengths[start], out=run)
    return runs


def _run_lengths_from(generated: str, text: TextLike) -> NDArray[np.int64]:
    """Return the length of the longest run in ``text`` that begins at each character of ``generated``, (n,).

    Values under 16 have no meaning.
    """
    lengths = np.zeros(len(generated), np.int64)
    hashes = compute_fingerprints(generated)
    is_candidate = np.zeros(1 << 16, bool)  # comparing 16 bits rules out most of the text
    is_candidate[hashes & _LOW] = True
    # The chunks overlap by at least a longest run, so each run is whole in the chunk in which it begins.
    for chunk in iter_chunks(text, max(MIN_RUN - 1, len(generated))):
        previous = length = 0
        chunk_hashes = compute_fingerprints(chunk)
        for start in np.flatnonzero(np.isin(hashes, chunk_hashes[is_candidate[chunk_hashes & _LOW]])).tolist():
            # The run that begins at ``previous`` goes on from ``start`` with what is left of it.
            length = max(MIN_RUN - 1, length - (start - previous), int(lengths[start]))
            previous = start
            while start + length < len(generated) and generated[start : start + length + 1] in chunk:
                length += 1
            lengths[start] = max(lengths[start], length)
    return lengths


def indexed_run_lengths(generated: str, *indexes: CopyIndex) -> NDArray[np.int64]:
    """Return the run lengths that ``copied_run_lengths`` would, as far as ``indexes`` find the runs.

    Some runs are missed, others are found only in part.
    """
    runs = np.zeros(len(generated), np.int64)
    detector = CopyDetector(*indexes)
    for end, character in enumerate(generated, 1):
        match = detector.push(character)
        if match:
            runs[end - match.length : end] = match.length
    return runs


def compute_fingerprints(text: str) -> HashArray:
    """Return a 64-bit hash of every run of 16 characters, (n - 15,): a polynomial over code points, its bits mixed."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)
    count = max(0, len(codes) - MIN_RUN + 1)
    hashes = np.zeros(count, np.uint64)
    for offset in range(MIN_RUN):
        hashes *= np.uint64(_HASH_BASE)
        hashes += codes[offset : offset + count]
    hashes ^= hashes >> np.uint64(32)
    hashes *= np.uint64(_MIX)
    return np.asarray(hashes ^ (hashes >> np.uint64(29)))


def _mix_bits(value: int) -> int:
    """Mix the bits of a polynomial as ``compute_fingerprints`` does."""
    value ^= value >> 32
    value = value * _MIX & _MASK
    return value ^ (value >> 29)
