"""From strict to diverse, in figures: what a model writes at one temperature after another, measured."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .events import Token
from .model import Model
from .sampling.rng import PositionRNG
from .settings import Settings

DEFAULT_TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6)

MIN_COPY = 30
"""Characters from which on the same text in two places counts as copied: shorter ones are phrases of the language."""

REPETITION_NGRAM = 4
"""Words of a sequence that counts as repeated: seq-rep-4 of Welleck et al. 2020 (arXiv 1908.04319), section 6.1."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_HASH_BASE = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class DiversityMetrics:
    """What was written at one temperature. Shares are 0 to 1.

    ``bits_per_char`` is the text's surprise under the model itself (T = 1). ``distinct_1`` and ``distinct_2``: distinct
    words per word, and pairs per pair (Li et al. 2016, arXiv 1510.03055); they fall with the length of the text, so
    compare them at one length only. ``self_repetition``: sequences of 4 words that stood before in the same text.
    ``known_words``: words that the reference text has; ``copied``: characters in passages of 30 or more that stand in
    it as they are; ``longest_copy``, in characters. Without a reference text these three are None.
    """

    temperature: float
    characters: int
    bits_per_char: float
    distinct_1: float
    distinct_2: float
    self_repetition: float
    known_words: float | None = None
    copied: float | None = None
    longest_copy: int | None = None


@dataclass(frozen=True, slots=True)
class SampleConfig:
    """How to sample: ``count`` texts of ``length`` characters behind ``seed`` at each temperature, with fixed dice."""

    seed: str = ""
    count: int = 4
    length: int = 1000
    rng: int = 1


def measure_diversity(
    model: Model, temperatures: Sequence[float], config: SampleConfig, reference: ReferenceText | None = None
) -> Iterator[DiversityMetrics]:
    """Write and measure, one temperature after another, every filter off."""
    start = model.read(config.seed).snapshot
    for temperature in temperatures:
        engine = model.engine()
        settings = Settings(temperature=temperature, length=config.length)
        streams = [
            engine.open(start, settings, PositionRNG(config.rng, take), max_unread=config.length, keep_snapshots=False)
            for take in range(config.count)
        ]
        written = [[e for e in engine.iter_events(stream) if isinstance(e, Token)] for stream in streams]
        yield _compute_metrics(temperature, written, reference)


class ReferenceText:
    """A text to compare with: its words, and where every 30 characters of it stand."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words = set(words(text))
        hashes = _rolling_hashes(text)
        self._positions = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._positions]

    def known_share(self, sample_words: Sequence[str]) -> float:
        """The share of words that stand in the text."""
        return _fraction(sum(word in self._words for word in sample_words), len(sample_words))

    def find_copies(self, sample: str) -> list[str]:
        """The passages of 30 or more characters of ``sample`` that stand in the text, each as long as it gets.

        Passages that meet or overlap in the sample are given as one.
        """
        hits = np.flatnonzero(self._match_mask(sample))
        if not len(hits):
            return []
        gaps = np.flatnonzero(np.diff(hits) > MIN_COPY)
        starts, ends = hits[[0, *(gaps + 1)]], hits[[*gaps, len(hits) - 1]] + MIN_COPY
        return [sample[start:end] for start, end in zip(starts, ends, strict=True)]

    def longest_copy(self, passage: str) -> int:
        """How long the longest part of ``passage`` is that stands in the text in one piece."""
        begin = longest = 0
        for end in range(1, len(passage) + 1):
            while passage[begin:end] not in self._text:
                begin += 1
            longest = max(longest, end - begin)
        return longest

    def _match_mask(self, sample: str) -> NDArray[np.bool_]:
        """For every 30 characters of ``sample`` whether they stand in the text: looked up by hash, then compared."""
        hashes = _rolling_hashes(sample)
        at = np.searchsorted(self._hashes, hashes)
        found = np.zeros(len(hashes), np.bool_)
        for i in np.flatnonzero(at < len(self._hashes)):
            place = int(self._positions[at[i]])
            found[i] = self._text[place : place + MIN_COPY] == sample[i : i + MIN_COPY]
        return found


def words(text: str) -> list[str]:
    """The words of a text, in lower case; apostrophes inside belong to them."""
    return _WORD.findall(text.casefold())


def count_repeated(text_words: Sequence[str]) -> tuple[int, int]:
    """How many sequences of 4 words stood before, of how many."""
    sequences = list(zip(*(text_words[n:] for n in range(REPETITION_NGRAM)), strict=False))
    return len(sequences) - len(set(sequences)), len(sequences)


def _compute_metrics(
    temperature: float, samples: Sequence[Sequence[Token]], reference: ReferenceText | None
) -> DiversityMetrics:
    texts = ["".join(token.text for token in tokens) for tokens in samples]
    by_text = [words(text)[: -1 if text[-1:].isalpha() else None] for text in texts]  # the last one may be cut off
    found = [word for text in by_text for word in text]
    pairs = [pair for text in by_text for pair in pairwise(text)]
    again = [count_repeated(text) for text in by_text]
    characters = sum(map(len, texts))
    bits = -sum(token.logprob for tokens in samples for token in tokens) / math.log(2)
    copies = [copy for text in texts for copy in reference.find_copies(text)] if reference else []
    return DiversityMetrics(
        temperature,
        characters,
        bits / max(1, characters),
        _fraction(len(set(found)), len(found)),
        _fraction(len(set(pairs)), len(pairs)),
        _fraction(sum(n for n, _ in again), sum(n for _, n in again)),
        reference.known_share(found) if reference else None,
        _fraction(sum(map(len, copies)), characters) if reference else None,
        max(map(reference.longest_copy, copies), default=0) if reference else None,
    )


def _rolling_hashes(text: str) -> NDArray[np.uint64]:
    """A hash of every 30 characters, (n - 29,): a polynomial modulo 2^64."""
    codes = np.array([ord(c) for c in text], np.uint64)
    count = max(0, len(codes) - MIN_COPY + 1)
    hashes = np.zeros(count, np.uint64)
    for n in range(MIN_COPY):
        hashes = hashes * _HASH_BASE + codes[n : n + count]
    return hashes


def _fraction(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
