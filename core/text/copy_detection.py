"""Find what a model copied from its training text.

A character is copied if it is part of a run of at least 16 characters that the training text contains verbatim. With
the text, all runs are found exactly. Without it, the index in the model file finds many of them: what it reports is
copied, and more may be.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .chunks import TextLike, iter_chunks
from .copy_index import MIN_RUN, RUN_LENGTHS, CopyIndex, HashArray, compute_fingerprints, extend_hash, hash_of_end

_LOW = np.uint64(0xFFFF)


class CopyMatch(NamedTuple):
    """A copied run: its length, and the number of characters of the same push that follow it."""

    length: int
    chars_after: int


class CopyDetector:
    """Finds copied runs in a growing text with the index of a model file, or of several."""

    def __init__(self, *indexes: CopyIndex) -> None:
        self._indexes = [(index.lookup(), index.lengths) for index in indexes]
        self._polynomials = deque([0], maxlen=max(RUN_LENGTHS) + 1)

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
        self._polynomials.append(extend_hash(self._polynomials[-1], code))
        return max((self._longest_run(*index) for index in self._indexes), default=0)

    def _longest_run(self, contains: Callable[[int], bool], lengths: Sequence[int]) -> int:
        """Return the length of the longest run in an index that ends here. It ends where shorter ones in it end."""
        longest = 0
        for length in lengths[: bisect_left(lengths, len(self._polynomials))]:
            if not contains(hash_of_end(self._polynomials[-1], self._polynomials[-1 - length], length)):
                break
            longest = length
        return longest


@dataclass(frozen=True, slots=True)
class CopyReport:
    """Measurements of the copied part of a text.

    ``longest``: characters of the longest copied run.
    ``shares``: the share of characters in runs of at least each of ``RUN_LENGTHS``, 0 to 1, by that length.
    """

    characters: int
    longest: int
    shares: dict[int, float]

    @classmethod
    def from_runs(cls, runs: NDArray[np.int64]) -> CopyReport:
        """Return the report on a text with these run lengths, (n,), as ``copied_run_lengths`` returns them."""
        shares = {length: float(np.mean(runs >= length)) if len(runs) else 0.0 for length in RUN_LENGTHS}
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
    # The chunks overlap by at least a longest run, so each run is whole in the chunk in which it begins.
    for chunk in iter_chunks(text, max(MIN_RUN - 1, len(generated))):
        previous = length = 0
        for start in np.flatnonzero(_are_in(hashes, chunk)).tolist():
            # The run that begins at ``previous`` goes on from ``start`` with what is left of it.
            length = max(MIN_RUN - 1, length - (start - previous), int(lengths[start]))
            previous = start
            while start + length < len(generated) and generated[start : start + length + 1] in chunk:
                length += 1
            lengths[start] = max(lengths[start], length)
    return lengths


def indexed_run_lengths(generated: str, *indexes: CopyIndex) -> NDArray[np.int64]:
    """Return the run lengths that ``copied_run_lengths`` would, as far as ``indexes`` find the runs.

    Some runs are missed, others are found only in part. None is longer than the one that is copied.
    """
    runs = np.zeros(len(generated), np.int64)
    detector = CopyDetector(*indexes)
    for end, character in enumerate(generated, 1):
        match = detector.push(character)
        if match:
            run = runs[end - match.length : end]
            np.maximum(run, match.length, out=run)
    return runs


def find_copied(slices: Sequence[str], text: TextLike) -> NDArray[np.bool_]:
    """Return True for each character of ``slices`` that is in a run of at least 16 that ``text`` contains, (n,).

    Compares 64-bit hashes, and does not find out how long the runs are, as ``copied_run_lengths`` does.
    """
    hashes = [compute_fingerprints(each) for each in slices]
    wanted = np.concatenate(hashes)
    is_known = np.zeros(len(wanted), bool)
    for chunk in iter_chunks(text, MIN_RUN - 1):
        is_known |= _are_in(wanted, chunk)
    copied = []
    for each, known in zip(slices, np.split(is_known, np.cumsum([*map(len, hashes)])[:-1]), strict=True):
        starts = np.pad(known, (MIN_RUN - 1, len(each) - len(known)))
        copied.append(np.any([starts[MIN_RUN - 1 - offset :][: len(each)] for offset in range(MIN_RUN)], axis=0))
    return np.concatenate(copied)


def _are_in(hashes: HashArray, text: str) -> NDArray[np.bool_]:
    """Return True for each hash that is one of a run of ``text``."""
    is_candidate = np.zeros(1 << 16, bool)  # comparing 16 bits rules out most of the text
    is_candidate[hashes & _LOW] = True
    found = compute_fingerprints(text)
    return np.isin(hashes, found[is_candidate[found & _LOW]])
