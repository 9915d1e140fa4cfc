"""Read, clean and split a text for training or scoring."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..errors import TextError
from .chunks import TextLike, TextView, count_characters
from .cleaning import read_text, shuffle_items
from .files import Source, file_source, open_sources
from .formats import DEFAULT_READ_OPTIONS, ReadOptions
from .labels import NO_RUNS, LabelRecorder, LabelRuns, Piece
from .split import DEFAULT_SPLIT, Split

MAX_EVAL_CHARS = 500_000
"""Maximum characters of validation and of test text. Scoring more takes hours."""

MIN_TRAIN_CHARS = 5_000
"""Minimum characters of a text to train on. A smaller one teaches little and leaves too little for validation."""


@dataclass(frozen=True)
class Corpus:
    """A clean text, its source and its split.

    ``sha256``: hash of the file's bytes; of several files, the hash of their hashes in order.
    ``boilerplate_kept``: True if Project Gutenberg's header and footer were kept.
    ``notes``: changes made while reading, one line each.
    ``label_names``: the names of all labels, sorted. ``labels``: the labels of the characters.
    """

    name: str
    sha256: str
    text: TextLike
    boilerplate_kept: bool = False
    notes: tuple[str, ...] = ()
    split: Split = Split.parse(DEFAULT_SPLIT)
    label_names: tuple[str, ...] = ()
    labels: LabelRuns = NO_RUNS

    @cached_property
    def counts(self) -> dict[str, int]:
        """Number of occurrences of each character."""
        return count_characters(self.text)

    @property
    def train_text(self) -> TextView:
        """The training text: everything before the test text except the validation text."""
        valid_start, valid_end, test_start = self.split.bounds(len(self.text))
        return TextView(self.text, (0, valid_start), (valid_end, test_start))

    @property
    def train_labels(self) -> LabelRuns:
        """The labels of the characters of the training text."""
        return self.labels.select(self.train_text.ranges)

    @property
    def valid_labels(self) -> LabelRuns:
        """The labels of the characters of the validation text."""
        start, end, _ = self.split.bounds(len(self.text))
        return self.labels.select([(start, min(end, start + MAX_EVAL_CHARS))])

    @property
    def valid_text(self) -> str:
        """The validation text, for early stopping and calibration; at most its first 500,000 characters."""
        start, end, _ = self.split.bounds(len(self.text))
        return self.text[start : min(end, start + MAX_EVAL_CHARS)]

    @property
    def test_text(self) -> str:
        """The test text, the end of the text, used only for reported losses; at most its first 500,000 characters."""
        start = self.split.bounds(len(self.text))[2]
        return self.text[start : start + MAX_EVAL_CHARS]


def read_corpus(path: Path, encoding: str = "utf-8", keep_boilerplate: bool = False) -> Corpus:
    """Read one text file. Raises TextError if it is missing, a folder, binary, or not in ``encoding``."""
    return _read_into_memory([file_source(path)], ReadOptions(encoding, keep_boilerplate), [])


def read_corpora(paths: Sequence[str], options: ReadOptions = DEFAULT_READ_OPTIONS) -> Corpus:
    """Read and concatenate files, folders, globs and "-" for standard input. Raises TextError.

    Drops a byte-order mark, turns line ends into \\n, and strips Project Gutenberg's header and footer unless
    ``options.keep_boilerplate``. ``notes`` of the result lists the changes.
    """
    notes: list[str] = []
    return _read_into_memory(deduplicate(open_sources(paths), notes), options, notes)


def read_clean_text(sources: Sequence[Source], options: ReadOptions, notes: list[str]) -> Iterator[Piece]:
    """Return the text of all sources in pieces of any size. If there are several, each ends with a newline.

    Appends the changes to ``notes``, which is complete after the last chunk. Iterating raises TextError.
    """
    pieces = _read_in_order(sources, options, notes)
    return shuffle_items(pieces, options.item_end, notes) if options.item_end else pieces


def deduplicate(sources: Sequence[Source], notes: list[str]) -> list[Source]:
    """Return ``sources`` without repeated texts, which could end up both in the training and in the test text.

    Appends a line to ``notes`` for each source left out. Raises TextError.
    """
    if len(sources) < 2:
        return list(sources)
    first: dict[str, Source] = {}
    for source in sources:
        other = first.setdefault(source.text_sha256, source)
        if other is not source:
            notes.append(f"{source.name} has the same text as {other.name} and was left out")
    return list(first.values())


def name_and_hash(sources: Sequence[Source]) -> tuple[str, str]:
    """Return (name, SHA-256) of the concatenation of ``sources``."""
    if len(sources) == 1:
        return sources[0].name, sources[0].sha256
    hashes = "".join(source.sha256 for source in sources)
    return f"{sources[0].name} and {len(sources) - 1:,} more", hashlib.sha256(hashes.encode()).hexdigest()


def require_enough(corpus: Corpus, min_chars: int = MIN_TRAIN_CHARS) -> None:
    """Raise TextError if the text has fewer than ``min_chars`` characters, or is one character repeated."""
    size = len(corpus.text)
    if size < min_chars:
        have = f"{size:,} characters" if corpus.text[:size].strip() else "empty"
        raise TextError(
            f"{corpus.name} is too small to train on ({have}; at least {min_chars:,} characters are needed);"
            " add more text, or use the bundled model: afterglow --model shakespeare"
        )
    if len(corpus.counts) < 2:
        raise TextError(f"{corpus.name} is one character repeated: there is nothing to predict")


def _read_into_memory(sources: Sequence[Source], options: ReadOptions, notes: list[str]) -> Corpus:
    split = Split.parse(options.split)
    name, sha256 = name_and_hash(sources)
    recorder = LabelRecorder()
    text = "".join(recorder.texts(read_clean_text(sources, options, notes)))
    label_names, labels = recorder.finish()
    return Corpus(name, sha256, text, options.keep_boilerplate, tuple(notes), split, label_names, labels)


def _read_in_order(sources: Sequence[Source], options: ReadOptions, notes: list[str]) -> Iterator[Piece]:
    for source in sources:
        source_notes: list[str] = []
        last = Piece("")
        for piece in read_text(source, options, source_notes):
            last = piece if piece.text else last
            yield piece
        if len(sources) > 1 and last.text and (options.item_end or last.text[-1] != "\n"):
            yield last._replace(text=options.item_end or "\n")
        notes += source_notes if len(sources) == 1 else [f"{source.name}: {note}" for note in source_notes]
