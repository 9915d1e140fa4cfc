"""A text to learn from or to score: read, cleaned of what is not text, and split."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..errors import TextError
from .chunks import TextLike, TextView, count_characters
from .cleaning import read_text, shuffle_lines
from .files import Source, file_source, open_sources
from .formats import DEFAULT_READ_OPTIONS, ReadOptions
from .split import DEFAULT_SPLIT, Split

MAX_EVAL_CHARS = 500_000
"""Characters of the last two parts that are looked at: the beginning of a huge text's. More takes hours."""

MIN_TRAIN_CHARS = 5_000
"""Characters under which nothing worth hearing is learned, and the split leaves too little to judge by."""


@dataclass(frozen=True)
class Corpus:
    """A text with where it comes from. ``notes`` says, a line each, what was changed in reading it.

    ``sha256`` is that of the file's bytes; of several files, that of their hashes in order.
    """

    name: str
    sha256: str
    text: TextLike
    boilerplate_kept: bool = False
    notes: tuple[str, ...] = ()
    split: Split = Split.parse(DEFAULT_SPLIT)

    @cached_property
    def counts(self) -> dict[str, int]:
        """How often each character occurs."""
        return count_characters(self.text)

    @property
    def train_text(self) -> TextView:
        """What stands before the held-out part, without the validation part."""
        start, end, last = self.split.bounds(len(self.text))
        return TextView(self.text, (0, start), (end, last))

    @property
    def valid_text(self) -> str:
        """What early stopping and calibration are done with; of a huge text, its beginning."""
        start, end, _ = self.split.bounds(len(self.text))
        return self.text[start : min(end, start + MAX_EVAL_CHARS)]

    @property
    def test_text(self) -> str:
        """The end of the text: never trained on, never chosen by; of a huge text, its beginning."""
        last = self.split.bounds(len(self.text))[2]
        return self.text[last : last + MAX_EVAL_CHARS]


def read_corpus(path: Path, encoding: str = "utf-8", keep_boilerplate: bool = False) -> Corpus:
    """Read one text file; raises TextError where it is missing, a folder, binary, or not in ``encoding``."""
    return _read_into_memory([file_source(path)], ReadOptions(encoding, keep_boilerplate), [])


def read_corpora(paths: Sequence[str], options: ReadOptions = DEFAULT_READ_OPTIONS) -> Corpus:
    """Read files, folders, globs and "-" for standard input, one behind the other. Raises TextError.

    A byte-order mark is dropped, line ends become \\n, and Project Gutenberg's header and footer are left out
    unless they are to be kept; what was done is told in the notes.
    """
    notes: list[str] = []
    return _read_into_memory(deduplicate(open_sources(paths), notes), options, notes)


def read_clean_text(sources: Sequence[Source], options: ReadOptions, notes: list[str]) -> Iterator[str]:
    """The text of all sources in pieces of any size, a file ending with a line's end where there are several.

    What was changed is added to ``notes``, by the time the last piece has come. Raises TextError.
    """
    pieces = _read_in_order(sources, options, notes)
    return shuffle_lines(pieces, notes) if options.lines else pieces


def deduplicate(sources: Sequence[Source], notes: list[str]) -> list[Source]:
    """Without those whose text came before: it would be learned and held out at once. Raises TextError.

    ``notes`` tell of those that were left out.
    """
    if len(sources) < 2:
        return list(sources)
    first: dict[str, Source] = {}
    for source in sources:
        other = first.setdefault(source.text_sha256, source)
        if other is not source:
            notes.append(f"{source.name} has the text that {other.name} has, and was left out")
    return list(first.values())


def name_and_hash(sources: Sequence[Source]) -> tuple[str, str]:
    """What to call the text of these sources, and its hash."""
    if len(sources) == 1:
        return sources[0].name, sources[0].sha256
    hashes = "".join(source.sha256 for source in sources)
    return f"{sources[0].name} and {len(sources) - 1:,} more", hashlib.sha256(hashes.encode()).hexdigest()


def require_enough(corpus: Corpus, min_chars: int = MIN_TRAIN_CHARS) -> None:
    """Raise TextError where the text is too small to train on."""
    size = len(corpus.text)
    if size < min_chars:
        have = f"{size:,} characters" if corpus.text[:size].strip() else "empty"
        raise TextError(
            f"{corpus.name} is too small to train on ({have}; at least {min_chars:,} characters are needed);"
            " add more text, or play the bundled model: afterglow --model shakespeare"
        )
    if len(corpus.counts) < 2:
        raise TextError(f"{corpus.name} is one character repeated: there is nothing to predict")


def _read_into_memory(sources: Sequence[Source], options: ReadOptions, notes: list[str]) -> Corpus:
    split = Split.parse(options.split)
    name, sha256 = name_and_hash(sources)
    text = "".join(read_clean_text(sources, options, notes))
    return Corpus(name, sha256, text, options.keep_boilerplate, tuple(notes), split)


def _read_in_order(sources: Sequence[Source], options: ReadOptions, notes: list[str]) -> Iterator[str]:
    for source in sources:
        told, last = list[str](), ""
        for piece in read_text(source, options, told):
            last = piece[-1:] or last
            yield piece
        if len(sources) > 1 and last not in ("", "\n"):
            yield "\n"
        notes += told if len(sources) == 1 else [f"{source.name}: {note}" for note in told]
