"""The items of a list, shuffled, and split so that equal ones are learned from or held out together."""

from __future__ import annotations

import contextlib
import random
import tempfile
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import BinaryIO, get_args
from zlib import crc32

from ..errors import StorageError, error_text
from .chunks import iter_lines
from .items import ITEM_ENDS, iter_items
from .layout import Piece
from .split import PartName, Split

MAX_CHARS_IN_MEMORY = 1 << 23
"""Maximum characters that are shuffled in memory. The items of a longer text first go to temporary files."""

SHUFFLE_FILES = 128
"""Temporary files for shuffling on disk. The items of each are then shuffled in memory."""

MIN_DIFFERENT_ITEMS = 3
"""Fewest different items that can be split: one for each part."""


def shuffle_items(pieces: Iterable[Piece], end: str, split: Split, notes: list[str]) -> Iterator[Piece]:
    """Yield the items with their labels, each with its ``end``, in a random order that is the same each time.

    Without it, the three parts of a sorted list would hold different kinds of items. If the split is spread, each item
    has its part, and equal items have the same one. Appends the numbers of items to ``notes``. Raises StorageError.
    """
    rng = random.Random(0)
    sorter = _Sorter(split, end)
    items = sorter.count(_iter_labelled_items(pieces, end))
    in_memory = _take_items(items, MAX_CHARS_IN_MEMORY)
    if sum(len(item.text) for item in in_memory) > MAX_CHARS_IN_MEMORY:
        yield from _shuffle_on_disk(chain(in_memory, items), sorter, rng)
    else:
        rng.shuffle(in_memory)
        yield from sorter.sort(in_memory) if split.is_spread else in_memory
    notes += sorter.describe()


class _Sorter:
    """Sorts items into the parts of a split that is spread, by a hash of their words. Items with equal words are equal.

    All items have to be counted before the first is sorted.
    """

    def __init__(self, split: Split, end: str) -> None:
        self.split = split
        self.end = end
        self._sizes: dict[int, int] = defaultdict(int)
        self._parts: dict[int, PartName] = {}
        self._items: dict[PartName, int] = dict.fromkeys(get_args(PartName), 0)
        self._count = self._repeated = 0

    def count(self, items: Iterable[Piece]) -> Iterator[Piece]:
        """Yield the items, and note the size of each hash."""
        for item in items:
            self._count += 1
            self._sizes[hash_item_words(item)] += len(item.text)
            yield item

    def sort(self, items: Sequence[Piece]) -> list[Piece]:
        """Return the items with their parts, by part. Among them are all that are equal to one of them."""
        self._choose()
        self._repeated += len(items) - len({item.text for item in items})
        sorted_items: dict[PartName, list[Piece]] = {"train": [], "valid": [], "test": []}
        for item in items:
            part = self._parts.get(hash_item_words(item), "train")
            self._items[part] += 1
            sorted_items[part].append(item._replace(part=part))
        return list(chain(*sorted_items.values()))

    def describe(self) -> list[str]:
        """Return the numbers of items in words."""
        kind, ending = ("lines", "a line") if self.end == ITEM_ENDS["line"] else ("items", "an item")
        notes = [f"{self._count:,} {kind}, shuffled; generated text ends at the end of {ending}"]
        if self._repeated:
            notes.append(f"{self._repeated:,} of them repeat another one; equal {kind} are all learned or all held out")
        if self.split.is_spread:
            notes.append(f"{self._items['valid']:,} {kind} are for validation, {self._items['test']:,} are held out")
        return notes

    def _choose(self) -> None:
        """Choose a part for each hash: about the percentages of the split, but at least one for each part."""
        if self._parts or not self.split.is_spread or len(self._sizes) < MIN_DIFFERENT_ITEMS:
            return
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


def hash_item_words(item: Piece) -> int:
    """Return a number below 65,536 that depends on the words of an item, not on the space between them."""
    return crc32(" ".join(item.text.split()).encode("utf-8", "surrogatepass")) >> 16


def _iter_labelled_items(pieces: Iterable[Piece], end: str) -> Iterator[Piece]:
    """Yield the items, each with its ``end``. An item ends where the label changes."""
    for label, same in groupby(pieces, key=lambda piece: piece.label):
        items = iter_items(iter_lines(piece.text for piece in same), end)
        yield from (Piece(item + end, label) for item in items)


def _take_items(items: Iterator[Piece], max_chars: int) -> list[Piece]:
    """Return items until they have more than ``max_chars`` characters together, or end."""
    taken = []
    size = 0
    for item in items:
        taken.append(item)
        size += len(item.text)
        if size > max_chars:
            break
    return taken


def _shuffle_on_disk(items: Iterator[Piece], sorter: _Sorter, rng: random.Random) -> Iterator[Piece]:
    """Yield the items that are not to train on, then the others, from random files that are each shuffled in memory.

    Raises StorageError.
    """
    try:
        with _open_files() as files:
            for item in _sort_on_disk(items, sorter) if sorter.split.is_spread else items:
                if item.part in (None, "train"):
                    _write_item(rng.choice(files), item)
                else:
                    yield item
            part: PartName | None = "train" if sorter.split.is_spread else None
            for file in files:
                shuffled = _read_items(file, sorter.end)
                rng.shuffle(shuffled)
                yield from (item._replace(part=part) for item in shuffled)
    except OSError as error:
        raise StorageError(f"cannot shuffle the items in {tempfile.gettempdir()}: {error_text(error)}") from error


def _sort_on_disk(items: Iterator[Piece], sorter: _Sorter) -> Iterator[Piece]:
    """Yield the items with their parts, in another order: equal items go to the same file, to be sorted together."""
    with _open_files() as files:
        for item in items:
            _write_item(files[hash_item_words(item) % len(files)], item)
        for file in files:
            yield from sorter.sort(_read_items(file, sorter.end))


@contextlib.contextmanager
def _open_files() -> Generator[list[BinaryIO]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(tempfile.TemporaryFile()) for _ in range(SHUFFLE_FILES)]


def _write_item(file: BinaryIO, item: Piece) -> None:
    file.write(f"{item.label}\0{item.text}".encode("utf-8", "surrogatepass"))


def _read_items(file: BinaryIO, end: str) -> list[Piece]:
    file.seek(0)
    parts = [item.partition("\0") for item in file.read().decode("utf-8", "surrogatepass").split(end)[:-1]]
    return [Piece(text + end, label) for label, _, text in parts]
