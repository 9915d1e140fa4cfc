"""The copy meter: how much of what a model writes stands word for word in its training text.

Exactly, where the text is at hand; else by an index of sampled fingerprints that travels in the model file (the idea of
sampling fingerprints by their own value is Manber's, 1994, "Finding similar files in a large file system").
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .chunks import TextLike, iter_chunks

HashArray = NDArray[np.uint64]

MIN_RUN = 16
"""Characters in a fingerprint. Shorter runs are the common property of a language."""

MAX_INDEX_SHARE = 0.15
"""Of a model file, for its index."""

REPORTED_LENGTHS = (16, 24, 32, 48, 64)
"""At least so long runs are told apart."""

_HASH_BASE, _MIX = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
_MASK = (1 << 64) - 1
_LOW = np.uint64(0xFFFF)
_OLDEST_FACTOR = pow(_HASH_BASE, MIN_RUN, 1 << 64)


@dataclass(frozen=True, slots=True)
class CopyIndex:
    """Fingerprints of the training text: of all runs of 16 characters those whose hash is divisible by ``every``.

    ``prints``: the upper halves of their hashes, sorted, uint32 (n,). A run of n characters that was copied is noticed
    with probability ``coverage(n)``; one that was not is taken for a copy once in 2^32 / n fingerprints.
    """

    modulus: int
    fingerprints: NDArray[np.uint32]

    @classmethod
    def build(cls, text: TextLike, budget: int) -> CopyIndex:
        """The densest index of ``text`` that takes at most ``budget`` bytes."""
        first = max(1, len(text) // max(1, budget))
        kept = [h[h % np.uint64(first) == 0] for h in map(compute_fingerprints, iter_chunks(text, MIN_RUN - 1))]
        hashes = np.unique(np.concatenate(kept))
        every = max(1, 4 * len(hashes) // max(1, budget)) * first  # multiples of the first look at some of the same
        while 4 * np.count_nonzero(hashes % np.uint64(every) == 0) > budget:
            every += first
        prints = hashes[hashes % np.uint64(every) == 0] >> np.uint64(32)
        return cls(every, np.unique(prints.astype(np.uint32)))

    def coverage(self, length: int) -> float:
        """The chance that a copied run of so many characters is noticed."""
        return float(1 - (1 - 1 / self.modulus) ** max(0, length - MIN_RUN + 1))

    def contains(self, fingerprint: int) -> bool | None:
        """Whether this fingerprint is one of the text; None where it is not among those that are looked at."""
        if fingerprint % self.modulus:
            return None
        wanted = np.uint32(fingerprint >> 32)
        at = int(np.searchsorted(self.fingerprints, wanted))
        return at < len(self.fingerprints) and bool(self.fingerprints[at] == wanted)


class CopyMatch(NamedTuple):
    """A copied run: its length, and how many characters were pushed behind its last one."""

    length: int
    chars_after: int


class CopyDetector:
    """Marks copied runs as text comes: a face pushes what it shows, and hears what of it is known from the text."""

    def __init__(self, index: CopyIndex) -> None:
        self._index, self._last = index, deque([0] * MIN_RUN, maxlen=MIN_RUN)
        self._hash = self._read = self._run = self._since_match = 0

    def push(self, text: str) -> CopyMatch | None:
        """The last copied run that is seen to end in ``text``; None where none does.

        It may have begun long before: its beginning shows once its 16th character has come.
        """
        found = None
        for left, character in zip(range(len(text) - 1, -1, -1), text, strict=True):
            length = self._step(ord(character))
            found = CopyMatch(length, left) if length else found
        return found

    def _step(self, code: int) -> int:
        """The length of the run that is confirmed to end at this character."""
        self._hash = (self._hash * _HASH_BASE + code - self._last[0] * _OLDEST_FACTOR) & _MASK
        self._last.append(code)
        self._read, self._since_match = self._read + 1, self._since_match + 1
        known = self._index.contains(_mix_bits(self._hash)) if self._read >= MIN_RUN else None
        if known is False:
            self._run = 0
        elif known:
            # Nothing spoke against it in between: of what lies there no fingerprint is among those that are looked at.
            joined = self._run and self._since_match <= 2 * MIN_RUN
            self._run, self._since_match = (self._run + self._since_match if joined else MIN_RUN), 0
            return self._run
        return 0


class CopySpan(NamedTuple):
    """Characters ``start`` to ``end`` of a text, the last of a copied run of this length that are in no run before."""

    start: int
    end: int
    length: int


class CopyTracker:
    """Which tokens of a growing text stand in copied runs. What was typed is read too, for runs that begin there."""

    def __init__(self, detector: CopyDetector) -> None:
        self._detector = detector
        self._token_starts: list[int] = []
        self._spans: list[CopySpan] = []
        self._read = self._copied_tokens = self.longest_run = 0

    @property
    def share(self) -> float:
        """Of the tokens, how many are copied: 0 to 1."""
        return self._copied_tokens / max(1, len(self._token_starts))

    def summary(self) -> str:
        """The share and the longest run, in words."""
        return f"copied {self.share:.0%}" + (f", longest {self.longest_run}" if self.longest_run else "")

    def add_prompt(self, text: str) -> None:
        """What somebody typed comes next."""
        for character in text:
            self._step(character)

    def add_token(self, text: str) -> int | None:
        """A token comes next; the number of the first token that is now seen to be copied, None where none is."""
        self._token_starts.append(self._read)
        found = [first for character in text if (first := self._step(character)) is not None]
        return found[0] if found else None

    def run_length(self, token: int) -> int:
        """How long the copied run is that a token, by its number, begins in; 0 where it is not copied."""
        start = self._token_starts[token]
        at = bisect_right(self._spans, start, key=itemgetter(0)) - 1
        return self._spans[at].length if at >= 0 and start < self._spans[at].end else 0

    def _step(self, character: str) -> int | None:
        copied = self._detector.push(character)
        self._read += 1
        if not copied:
            return None
        last = self._spans[-1] if self._spans else CopySpan(0, 0, 0)
        begin = self._read - copied.length
        if last.length and begin == last.end - last.length:
            self._spans.pop()
            start, new = last.start, last.end
        else:
            start = new = max(begin, last.end)
        self._spans.append(CopySpan(start, self._read, copied.length))
        first = bisect_left(self._token_starts, new)
        self._copied_tokens += len(self._token_starts) - first
        self.longest_run = max(self.longest_run, copied.length)
        return first if first < len(self._token_starts) else None


@dataclass(frozen=True, slots=True)
class CopyReport:
    """How much of a written text is copied. ``shares``: of its characters, in runs of at least so many."""

    characters: int
    longest: int
    shares: dict[int, float]

    @classmethod
    def from_runs(cls, runs: NDArray[np.int64]) -> CopyReport:
        """From the length of the longest copied run that each character is part of, (n,)."""
        shares = {length: float(np.mean(runs >= length)) if len(runs) else 0.0 for length in REPORTED_LENGTHS}
        return cls(len(runs), int(runs.max(initial=0)), shares)

    def to_dict(self) -> dict[str, Any]:
        """By name."""
        shares = {f"copied_in_runs_of_{length}": round(share, 4) for length, share in self.shares.items()}
        return {"longest_copied_run": self.longest, **shares}


def copied_run_lengths(generated: str, text: TextLike) -> NDArray[np.int64]:
    """For each character of ``written``, (n,), the longest run around it that stands in ``text``; 0 for under 16."""
    lengths, prints = np.zeros(len(generated), np.int64), compute_fingerprints(generated)
    maybe = np.zeros(1 << 16, bool)  # most of a text is passed over by a look at 16 bits
    maybe[prints & _LOW] = True
    # They overlap so far that a run which begins in one ends in it.
    for stretch in iter_chunks(text, max(MIN_RUN - 1, len(generated))):
        before = length = 0
        # Only where 16 characters stand there too is it worth looking how many more.
        there = compute_fingerprints(stretch)
        for at in np.flatnonzero(np.isin(prints, there[maybe[there & _LOW]])).tolist():
            length, before = max(MIN_RUN - 1, length - (at - before), int(lengths[at])), at
            while at + length < len(generated) and generated[at : at + length + 1] in stretch:
                length += 1
            lengths[at] = max(lengths[at], length)
    runs = np.zeros(len(generated), np.int64)
    for at in np.flatnonzero(lengths >= MIN_RUN).tolist():
        run = runs[at : at + lengths[at]]
        np.maximum(run, lengths[at], out=run)
    return runs


def indexed_run_lengths(generated: str, index: CopyIndex) -> NDArray[np.int64]:
    """``exact_runs`` as far as an index notices them: runs under 16 characters and some longer ones are missed."""
    runs, meter = np.zeros(len(generated), np.int64), CopyDetector(index)
    for at, character in enumerate(generated):
        copied = meter.push(character)
        if copied:
            runs[at + 1 - copied.length : at + 1] = copied.length
    return runs


def compute_fingerprints(text: str) -> HashArray:
    """A 64-bit hash of every run of 16 characters, (n - 15,): a polynomial over code points, its bits mixed."""
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
    """What ``fingerprints`` does to a polynomial in the end."""
    value ^= value >> 32
    value = value * _MIX & _MASK
    return value ^ (value >> 29)
