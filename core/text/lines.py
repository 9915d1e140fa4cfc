"""Lines as items: shuffled, and split so that equal lines are learned from or held out together."""

from __future__ import annotations

import contextlib
import random
import tempfile
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import BinaryIO, get_args
from zlib import crc32

from ..errors import StorageError, TextError, error_text
from .formats import iter_lines
from .layout import Piece
from .split import PartName, Split

MAX_CHARS_IN_MEMORY = 1 << 23
"""Maximum characters that are shuffled in memory. The lines of a longer text first go to temporary files."""

SHUFFLE_FILES = 128
"""Temporary files for shuffling on disk. The lines of each are then shuffled in memory."""

MIN_DIFFERENT_LINES = 3
"""Fewest different lines that can be split: one for each part."""


def shuffle_lines(pieces: Iterable[Piece], split: Split, notes: list[str]) -> Iterator[Piece]:
    """Yield the non-blank lines with their labels in a random order that is the same each time.

    Without it, the three parts of a sorted list would hold different kinds of lines. If the split is spread, each line
    has its part, and equal lines have the same one. Appends the numbers of lines to ``notes``. Raises StorageError, and
    TextError if there are too few different lines.
    """
    rng = random.Random(0)
    sorter = _Sorter(split)
    lines = sorter.count(_iter_labelled_lines(pieces))
    in_memory = _take_lines(lines, MAX_CHARS_IN_MEMORY)
    if sum(len(line.text) for line in in_memory) > MAX_CHARS_IN_MEMORY:
        yield from _shuffle_on_disk(chain(in_memory, lines), sorter, rng)
    else:
        rng.shuffle(in_memory)
        order = list(get_args(PartName))
        yield from sorted(sorter.sort(in_memory), key=lambda line: order.index(line.part))
    notes += sorter.describe()


class _Sorter:
    """Sorts lines into the parts of a split that is spread, by a hash of their words. Lines with equal words are equal.

    All lines have to be counted before the first is sorted.
    """

    def __init__(self, split: Split) -> None:
        self.split = split
        self._sizes: dict[int, int] = defaultdict(int)
        self._parts: dict[int, PartName] = {}
        self._lines: dict[PartName, int] = dict.fromkeys(get_args(PartName), 0)
        self._count = self._repeated = 0

    def count(self, lines: Iterable[Piece]) -> Iterator[Piece]:
        """Yield the lines, and note the size of each hash."""
        for line in lines:
            self._count += 1
            self._sizes[hash_line(line)] += len(line.text)
            yield line

    def sort(self, lines: Sequence[Piece]) -> Iterator[Piece]:
        """Yield the lines with their parts. Among them are all that are equal to one of them."""
        self._choose()
        self._repeated += len(lines) - len({line.text for line in lines})
        for line in lines:
            part = self._parts.get(hash_line(line), "train")
            self._lines[part] += 1
            yield line._replace(part=part)

    def describe(self) -> list[str]:
        """Return the numbers of lines in words."""
        notes = [f"{self._count:,} lines, shuffled; generated text ends at the end of a line"]
        if self._repeated:
            notes.append(f"{self._repeated:,} of them repeat another one; equal lines are all learned or all held out")
        if self.split.is_spread:
            notes.append(f"{self._lines['valid']:,} lines are for validation, {self._lines['test']:,} are held out")
        return notes

    def _choose(self) -> None:
        """Choose a part for each hash: about the percentages of the split, but each part gets one."""
        if self._parts or not self.split.is_spread or not self._sizes:
            return
        if len(self._sizes) < MIN_DIFFERENT_LINES:
            raise TextError(
                f"only {len(self._sizes)} of {self._count:,} lines are different; at least {MIN_DIFFERENT_LINES} are"
                " needed: to learn from, to validate with and to hold out"
            )
        total = sum(self._sizes.values())
        left = sorted(self._sizes, reverse=True)
        shares: dict[PartName, int] = {"test": self.split.test, "valid": self.split.valid}
        for part, share in shares.items():
            self._parts |= dict.fromkeys(self._take(left, total * share // 100), part)
            left = [number for number in left if number not in self._parts]

    def _take(self, hashes: list[int], max_chars: int) -> list[int]:
        """Return the first hashes that fit into ``max_chars``, or the one with the fewest characters."""
        taken = []
        for number in hashes:
            if self._sizes[number] <= max_chars:
                taken.append(number)
                max_chars -= self._sizes[number]
        return taken or [min(hashes, key=self._sizes.__getitem__)]


def hash_line(line: Piece) -> int:
    """Return a number below 65,536 that depends on the words of a line, not on the space between them."""
    return crc32(" ".join(line.text.split()).encode("utf-8", "surrogatepass")) >> 16


def _iter_labelled_lines(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Yield the non-blank lines, each with \\n. A line ends where the label changes."""
    for label, same in groupby(pieces, key=lambda piece: piece.label):
        lines = iter_lines(piece.text for piece in same)
        yield from (Piece(line.rstrip("\n") + "\n", label) for line in lines if line.strip())


def _take_lines(lines: Iterator[Piece], max_chars: int) -> list[Piece]:
    """Return lines until they have more than ``max_chars`` characters together, or end."""
    taken = []
    size = 0
    for line in lines:
        taken.append(line)
        size += len(line.text)
        if size > max_chars:
            break
    return taken


def _shuffle_on_disk(lines: Iterator[Piece], sorter: _Sorter, rng: random.Random) -> Iterator[Piece]:
    """Yield the lines that are not to train on, then the others, from random files that are each shuffled in memory.

    Raises StorageError.
    """
    try:
        with _open_files() as files:
            for line in _sort_on_disk(lines, sorter) if sorter.split.is_spread else lines:
                if line.part == "train":
                    _write_line(rng.choice(files), line)
                else:
                    yield line
            for file in files:
                shuffled = _read_lines(file)
                rng.shuffle(shuffled)
                yield from shuffled
    except OSError as error:
        raise StorageError(f"cannot shuffle the lines in {tempfile.gettempdir()}: {error_text(error)}") from error


def _sort_on_disk(lines: Iterator[Piece], sorter: _Sorter) -> Iterator[Piece]:
    """Yield the lines with their parts, in another order: equal lines go to the same file, to be sorted together."""
    with _open_files() as files:
        for line in lines:
            _write_line(files[hash_line(line) % len(files)], line)
        for file in files:
            yield from sorter.sort(_read_lines(file))


@contextlib.contextmanager
def _open_files() -> Generator[list[BinaryIO]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(tempfile.TemporaryFile()) for _ in range(SHUFFLE_FILES)]


def _write_line(file: BinaryIO, line: Piece) -> None:
    file.write(f"{line.label}\0{line.text}".encode("utf-8", "surrogatepass"))


def _read_lines(file: BinaryIO) -> list[Piece]:
    file.seek(0)
    parts = [line.partition("\0") for line in file.read().decode("utf-8", "surrogatepass").split("\n")[:-1]]
    return [Piece(f"{text}\n", label) for label, _, text in parts]
