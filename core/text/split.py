"""The parts of a text: to train on, to validate with, to hold out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Literal, NamedTuple, get_args

from ..errors import UsageError

DEFAULT_SPLIT = "spread:88/2/10"
"""88 % training, 2 % validation (early stopping and calibration), 10 % test (only reported).

Validation is in slices of every file: one slice can lie where a text repeats itself, and then judges nothing. The test
text is the end of every file, with training text right before it, because the end of a text is mostly about what
precedes it. With validation there, the test loss was 0.1 nats higher on tiny Shakespeare (docs/experiments.md).
"""

FIRST_SPLIT = "44/2/44/10"
"""The split of a model whose card names none. Validation is one slice in the middle."""

SLICE_WINDOW = 256
"""Characters that are predicted in a window of validation. A slice has one or more windows, and a character before."""

MAX_SLICES = 16
"""Most slices of validation text in a file."""

PartName = Literal["train", "valid", "test"]
Ranges = tuple[tuple[int, int], ...]
"""Ranges (start, end) of a text, in its order."""


class Parts(NamedTuple):
    """The ranges of a text to train on, to validate with and to hold out."""

    train: Ranges
    valid: Ranges
    test: Ranges


class Split(NamedTuple):
    """Percentages of a text, in its order. They add up to 100.

    If ``is_spread``, every file is split: validation is in slices all over it, the test text is its end.
    """

    train_head: int
    valid: int
    train_tail: int
    test: int
    is_spread: bool = False

    @classmethod
    def parse(cls, text: str) -> Split:
        """Return the split written as "spread:88/2/10", "80/10/10" (train/valid/test) or "44/2/44/10" (train/valid/
        train/test).

        Raises UsageError.
        """
        numbers = text.removeprefix("spread:")
        words = numbers.split("/")
        shares = [int(word) for word in words if word.isascii() and word.isdecimal()]
        is_spread = numbers != text
        if len(words) == len(shares) == 3:
            shares.insert(2, 0)
        elif is_spread:
            shares = []
        if len(shares) != 4 or sum(shares) != 100 or not all(shares[at] for at in (0, 1, 3)):
            raise UsageError(
                f"{text!r} is not a split: give percentages for training, validation and test, such as {DEFAULT_SPLIT},"
                f" or for contiguous parts 80/10/10 or {FIRST_SPLIT}, in which the third is for training too"
            )
        head, valid, tail, test = shares
        return cls(head, valid, tail, test, is_spread)

    def spread(self) -> str:
        """Return the split with the same percentages that is spread, as ``parse`` reads it."""
        return f"spread:{self.train_head + self.train_tail}/{self.valid}/{self.test}"

    def divide(self, size: int, file_ends: Sequence[int] = ()) -> Parts:
        """Return the parts of a text of ``size`` characters, whose files end at ``file_ends``."""
        if not self.is_spread:
            return self._divide_in_order(size)
        sections = [self._divide_section(start, end) for start, end in self._sections(size, file_ends)]
        return Parts(*(_join_ranges(chain.from_iterable(ranges)) for ranges in zip(*sections, strict=True)))

    def _divide_in_order(self, size: int) -> Parts:
        percentages = self.train_head, self.train_head + self.valid, 100 - self.test
        valid_start, valid_end, test_start = (round(size * percentage / 100) for percentage in percentages)
        train = _join_ranges(((0, valid_start), (valid_end, test_start)))
        return Parts(train, _join_ranges([(valid_start, valid_end)]), _join_ranges([(test_start, size)]))

    def _sections(self, size: int, file_ends: Sequence[int]) -> list[tuple[int, int]]:
        """Return the ranges that are split: files, or several together if they are too small for a slice each."""
        least = (SLICE_WINDOW + 1) * 100 // self.valid
        bounds = [0]
        for end in file_ends:
            if end - bounds[-1] >= least and size - end >= least:
                bounds.append(end)
        return list(zip(bounds, [*bounds[1:], size], strict=True))

    def _divide_section(self, start: int, end: int) -> Parts:
        test_start = end - round((end - start) * self.test / 100)
        lengths = _slice_lengths(round((end - start) * self.valid / 100), test_start - start)
        gap = (test_start - start - sum(lengths)) / (len(lengths) + 1)
        valid, train, after = [], [], start
        for number, length in enumerate(lengths, 1):
            first = start + round(number * gap) + sum(lengths[: number - 1])
            train.append((after, first))
            after = first + length
            valid.append((first, after))
        return Parts((*train, (after, test_start)), tuple(valid), ((test_start, end),))

    def __str__(self) -> str:
        """Return the percentages in words: "88 % training, 2 % validation, 10 % test"."""
        return f"{self.train_head + self.train_tail} % training, {self.valid} % validation, {self.test} % test"


def thin(ranges: Ranges, max_chars: int) -> Ranges:
    """Return the beginnings of ``ranges``, shortened in proportion so that they have ``max_chars`` at most.

    None is shortened to less than a window, in which most characters would have little before them. Instead some are
    left out, all over the text.
    """
    size = sum(end - start for start, end in ranges)
    if size <= max_chars:
        return ranges
    thinned, room = list[tuple[int, int]](), 0
    for start, end in ranges:
        share = (end - start) * max_chars // size
        room += share
        taken = max(share, min(end - start, SLICE_WINDOW + 1))
        if taken <= room:
            thinned.append((start, start + taken))
            room -= taken
    return tuple(thinned)


def parts_from_json(values: dict[str, list[list[int]]]) -> Parts:
    """Return the parts that ``Parts._asdict`` gave to JSON."""
    return Parts(*(tuple((start, end) for start, end in values[name]) for name in get_args(PartName)))


def _slice_lengths(size: int, room: int) -> list[int]:
    """Return the lengths of slices of about ``size`` characters, in whole windows if there is ``room`` for one."""
    windows = min(round(size / (SLICE_WINDOW + 1)), room // (SLICE_WINDOW + 1))
    if not windows:
        return [size]
    count = min(MAX_SLICES, windows)
    return [SLICE_WINDOW * ((windows + number) // count) + 1 for number in range(count)]


def _join_ranges(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return the ranges that are not empty. Those that touch become one."""
    joined: list[tuple[int, int]] = []
    for start, end in ranges:
        if joined and joined[-1][1] == start:
            joined[-1] = joined[-1][0], end
        elif start < end:
            joined.append((start, end))
    return tuple(joined)
