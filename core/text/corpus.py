"""Read, clean and split a text for training or scoring."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..errors import TextError
from .chunks import TextLike, TextView, count_characters
from .cleaning import read_text
from .files import Source, file_source, open_sources
from .formats import DEFAULT_READ_OPTIONS, ReadOptions
from .labels import LabelRuns
from .layout import Layout, LayoutRecorder, Piece, Slice
from .shuffle import shuffle_items
from .source_selection import select_sources
from .split import DEFAULT_SPLIT, Parts, Ranges, Split, thin

MAX_EVAL_CHARS = 500_000
"""Maximum characters of validation and of test text. Scoring more takes hours."""

MAX_NOTES = 20
"""Remarks on the files of a text that are shown, for a folder of hundreds of chats."""

MIN_TRAIN_CHARS = 5_000
"""Minimum characters of a text to train on. A smaller one teaches little and leaves too little for validation."""


@dataclass(frozen=True)
class Corpus:
    """A clean text, its source and its split.

    ``sha256``: hash of the file's bytes; of several files, the hash of their hashes in order.
    ``boilerplate_kept``: True if Project Gutenberg's header and footer were kept.
    ``notes``: changes made while reading, one line each.
    ``layout``: its labels and its files.
    """

    name: str
    sha256: str
    text: TextLike
    boilerplate_kept: bool = False
    notes: tuple[str, ...] = ()
    split: Split = Split.parse(DEFAULT_SPLIT)
    layout: Layout = Layout()

    @cached_property
    def counts(self) -> dict[str, int]:
        """Number of occurrences of each character."""
        return count_characters(self.text)

    @cached_property
    def parts(self) -> Parts:
        """The ranges of the text to train on, to validate with and to hold out."""
        return self.layout.item_parts or self.split.divide(len(self.text), self.layout.file_ends)

    @property
    def train_text(self) -> TextView:
        """The training text: everything but the validation and the test text."""
        return TextView(self.text, *self.parts.train)

    @property
    def valid(self) -> tuple[Slice, ...]:
        """The validation text, for early stopping and calibration; at most 500,000 characters, spread over it."""
        return self._slices(self.parts.valid)

    @property
    def test(self) -> tuple[Slice, ...]:
        """The test text, used only for reported losses; at most 500,000 characters, spread over it."""
        return self._slices(self.parts.test)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of all labels, sorted."""
        return self.layout.label_names

    @property
    def labels(self) -> LabelRuns:
        """The labels of the characters."""
        return self.layout.labels

    @property
    def train_labels(self) -> LabelRuns:
        """The labels of the characters of the training text."""
        return self.labels.select(self.parts.train)

    def describe_parts(self) -> str:
        """Return the percentages in words: "88 % training, 2 % validation in 16 slices, 10 % test"."""
        slices = f" validation in {len(self.parts.valid)} slices"
        return str(self.split).replace(" validation", slices) if len(self.parts.valid) > 1 else str(self.split)

    def describe_test(self) -> str:
        """Return what the test text is: "last 10 %", "last 10 % of each file" or "10 % of the items"."""
        if self.layout.item_parts:
            return f"{self.split.test} % of the items"
        return f"last {self.split.test} %" + (" of each file" if len(self.parts.test) > 1 else "")

    def _slices(self, ranges: Ranges) -> tuple[Slice, ...]:
        ranges, labels = thin(ranges, MAX_EVAL_CHARS), self.labels
        if self.layout.item_parts:  # lines follow one another as they do in training
            return (Slice(TextView(self.text, *ranges)[:], labels.select(ranges)),)
        return tuple(Slice(self.text[start:end], labels.select([(start, end)])) for start, end in ranges)


def read_corpus(path: Path, encoding: str = "utf-8", keep_boilerplate: bool = False) -> Corpus:
    """Read one text file. Raises TextError if it is missing, a folder, binary, or not in ``encoding``."""
    return _read_into_memory([file_source(path)], ReadOptions(encoding, keep_boilerplate), LayoutRecorder())


def read_corpora(paths: Sequence[str], options: ReadOptions = DEFAULT_READ_OPTIONS) -> Corpus:
    """Read and concatenate files, folders, globs and "-" for standard input. Raises TextError.

    Drops byte-order marks, turns line ends into \\n, and strips Project Gutenberg's header and footer unless
    ``options.keep_boilerplate``. Of several files, those that cannot be read and repeated texts are left out, unless
    ``options.strict``. ``notes`` of the result lists the changes.
    """
    recorder = LayoutRecorder()
    return _read_into_memory(select_sources(open_sources(paths), options, recorder.notes), options, recorder)


def read_clean_text(sources: Sequence[Source], options: ReadOptions, recorder: LayoutRecorder) -> Iterator[str]:
    """Return the text of all sources in chunks of any size. If there are several, each ends with a newline.

    ``recorder`` notes the layout and the changes, and is complete after the last chunk. Iterating raises TextError.
    """
    pieces = _read_in_order(sources, options, recorder)
    if options.item_end:
        pieces = shuffle_items(pieces, options.item_end, Split.parse(options.split), recorder.notes)
    return recorder.texts(pieces)


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
    if not all(corpus.parts):
        raise TextError(f"{corpus.name} has too few different items to learn from, to validate with and to hold out")
    if len(corpus.counts) < 2:
        raise TextError(f"{corpus.name} is one character repeated: there is nothing to predict")


def _read_into_memory(sources: Sequence[Source], options: ReadOptions, recorder: LayoutRecorder) -> Corpus:
    split = Split.parse(options.split)
    name, sha256 = name_and_hash(sources)
    text = "".join(read_clean_text(sources, options, recorder))
    return Corpus(name, sha256, text, options.keep_boilerplate, tuple(recorder.notes), split, recorder.finish())


def _read_in_order(sources: Sequence[Source], options: ReadOptions, recorder: LayoutRecorder) -> Iterator[Piece]:
    remarks: list[str] = []
    for source in sources:
        notes: list[str] = []
        last = Piece("")
        for piece in read_text(source, options, notes):
            last = piece if piece.text else last
            yield piece
        if len(sources) > 1 and last.text and (options.item_end or last.text[-1] != "\n"):
            yield last._replace(text=options.item_end or "\n")
        recorder.end_file()
        remarks += notes if len(sources) == 1 else [f"{source.name}: {note}" for note in notes]
    recorder.notes += _limit_notes(remarks)


def _limit_notes(notes: list[str]) -> list[str]:
    """Return the first notes, the number of those left out, and the last one, which says what a file was read as."""
    left_out = len(notes) - MAX_NOTES
    return [*notes[: MAX_NOTES - 1], f"{left_out:,} more remarks on the files", notes[-1]] if left_out > 0 else notes
