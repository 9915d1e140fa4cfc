"""Measure how predictable or diverse a model's samples are at several temperatures."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .events import Token
from .model import Model
from .settings import Settings
from .text.chunks import TextLike
from .text.copy_detection import CopyReport, copied_run_lengths, indexed_run_lengths
from .text.copy_index import MIN_RUN
from .text.items import split_items

DEFAULT_TEMPERATURES = (0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6)

REPETITION_NGRAM = 4
"""Words in a sequence tested for repetition: seq-rep-4 of Welleck et al. 2020 (arXiv 1908.04319), section 6.1."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class DiversityMetrics:
    """Metrics of the samples drawn at one temperature. Shares are 0 to 1.

    ``characters``: characters of all samples together.
    ``bits_per_char``: surprisal of the samples under the model itself (T = 1), in bits per character.
    ``distinct_1``, ``distinct_2``: distinct words per word, and distinct pairs of words per pair (Li et al. 2016,
    arXiv 1510.03055). Both fall as a sample grows, so compare only samples of equal length.
    ``self_repetition``: share of 4-word sequences that occurred earlier in the same sample.
    ``known_words``: share of words that the reference text contains.
    ``copied``: share of characters in runs of at least 16 that the reference text contains verbatim.
    ``longest_copy``: length of the longest such run, in characters.
    Without a reference text ``known_words`` is None. The last two are then what the model's index finds, None if it has
    none, and ``copied_is_minimum`` is True: more may be copied.
    ``copied_items``: share of the whole items that stand in the list; None if the model is not one of a list.
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
    copied_items: float | None = None
    copied_is_minimum: bool = False


@dataclass(frozen=True, slots=True)
class SampleConfig:
    """The samples to draw at each temperature: ``count`` samples of ``length`` characters after ``seed``.

    ``rng`` fixes the random draws. Sample n (from 0) uses take n.
    """

    seed: str = ""
    count: int = 4
    length: int = 1000
    rng: int = 1


def measure_diversity(
    model: Model, temperatures: Sequence[float], config: SampleConfig, reference: ReferenceText | None = None
) -> Iterator[DiversityMetrics]:
    """Yield the metrics of samples of ``model`` at each temperature in turn. No filters are used.

    Raises SettingError for a temperature or a length out of range.
    """
    start = model.read(config.seed).snapshot
    for temperature in temperatures:
        settings = Settings(temperature=temperature, length=config.length)
        streams = model.engine().open_samples(start, settings, config.rng, config.count)
        samples = [[event for event in events if isinstance(event, Token)] for events in streams]
        copied_items = _measure_items(model, ["".join(token.text for token in tokens) for tokens in samples], reference)
        metrics = _compute_metrics(temperature, samples, reference)
        yield replace(metrics if reference else _add_noticed(metrics, model, samples), copied_items=copied_items)


class ReferenceText:
    """A text to compare samples with."""

    def __init__(self, text: TextLike, items: Container[str] = ()) -> None:
        self.items = items
        """The items of a list, whole; empty if the text is none."""
        self._text = text
        self._words = set(split_words(text[:]))

    def known_share(self, sample_words: Sequence[str]) -> float:
        """Return the share of ``sample_words`` that the text contains, 0 to 1."""
        return _fraction(sum(word in self._words for word in sample_words), len(sample_words))

    def copy_report(self, samples: Sequence[str]) -> CopyReport:
        """Return how much of ``samples`` is copied from the text."""
        runs: list[NDArray[np.int64]] = [copied_run_lengths(sample, self._text) for sample in samples]
        return CopyReport.from_runs(np.concatenate(runs))


def _measure_items(model: Model, samples: Sequence[str], reference: ReferenceText | None) -> float | None:
    """Return the share of the whole items in ``samples`` that stand in the reference text, else in the model's list."""
    end = model.file.card.item_end
    if not end or not (reference or model.copies.knows_items):
        return None
    items = [item for sample in samples for item in split_items(sample, end)]
    known = reference.items.__contains__ if reference else model.copies.contains_item
    return _fraction(sum(map(known, items)), len(items))


def split_words(text: str) -> list[str]:
    """Return the words of ``text``, case-folded. An apostrophe inside a word belongs to it."""
    return _WORD.findall(text.casefold())


def count_repeated(text_words: Sequence[str]) -> tuple[int, int]:
    """Return (number of 4-word sequences that occurred earlier in the text, number of 4-word sequences)."""
    sequences = list(zip(*(text_words[n:] for n in range(REPETITION_NGRAM)), strict=False))
    return len(sequences) - len(set(sequences)), len(sequences)


def _compute_metrics(
    temperature: float, samples: Sequence[Sequence[Token]], reference: ReferenceText | None
) -> DiversityMetrics:
    texts = ["".join(token.text for token in tokens) for tokens in samples]
    words_by_text = [_split_whole_words(text) for text in texts]
    all_words = [word for text_words in words_by_text for word in text_words]
    pairs = [pair for text_words in words_by_text for pair in pairwise(text_words)]
    repeated = [count_repeated(text_words) for text_words in words_by_text]
    characters = sum(map(len, texts))
    bits = -sum(token.logprob for tokens in samples for token in tokens) / math.log(2)
    copies = reference.copy_report(texts) if reference else None
    return DiversityMetrics(
        temperature=temperature,
        characters=characters,
        bits_per_char=bits / max(1, characters),
        distinct_1=_fraction(len(set(all_words)), len(all_words)),
        distinct_2=_fraction(len(set(pairs)), len(pairs)),
        self_repetition=_fraction(sum(n for n, _ in repeated), sum(n for _, n in repeated)),
        known_words=reference.known_share(all_words) if reference else None,
        copied=copies.shares[MIN_RUN] if copies else None,
        longest_copy=copies.longest if copies else None,
    )


def _add_noticed(metrics: DiversityMetrics, model: Model, samples: Sequence[Sequence[Token]]) -> DiversityMetrics:
    """Return the metrics with what the model's index finds to be copied, if it has one."""
    indexes = model.copies.indexes
    if not indexes:
        return metrics
    texts = ("".join(token.text for token in tokens) for tokens in samples)
    report = CopyReport.from_runs(np.concatenate([indexed_run_lengths(text, *indexes) for text in texts]))
    copied = report.shares[MIN_RUN]
    return replace(metrics, copied=copied, longest_copy=report.longest, copied_is_minimum=True)


def _split_whole_words(text: str) -> list[str]:
    """Return the words of ``text`` without the last one if it may be cut off: if the text ends in a letter."""
    return split_words(text)[: -1 if text[-1:].isalpha() else None]


def _fraction(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
