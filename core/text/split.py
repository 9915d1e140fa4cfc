"""The percentages into which a text is split for training, validation and test."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import UsageError

DEFAULT_SPLIT = "44/2/44/10"
"""44 % training, 2 % validation (early stopping and calibration), 44 % training, 10 % test (only reported).

Training text comes right before the test text, because the end of a text is mostly about what precedes it. With the
validation text there instead, the test loss was 0.1 nats higher on tiny Shakespeare (docs/experiments.md).
"""


class Split(NamedTuple):
    """Percentages of a text, in its order. They add up to 100."""

    train_head: int
    valid: int
    train_tail: int
    test: int

    @classmethod
    def parse(cls, text: str) -> Split:
        """Return the split written as "80/10/10" (train/valid/test) or "44/2/44/10" (train/valid/train/test).

        Raises UsageError.
        """
        words = text.split("/")
        shares = [int(word) for word in words if word.isascii() and word.isdecimal()]
        if len(words) == len(shares) == 3:
            shares.insert(2, 0)
        if len(shares) != 4 or sum(shares) != 100 or not all(shares[at] for at in (0, 1, 3)):
            raise UsageError(
                f"{text!r} is not a split: give percentages for training, validation and test, such as 80/10/10,"
                f" or {DEFAULT_SPLIT}, in which the third is for training too"
            )
        return cls(*shares)

    def bounds(self, size: int) -> tuple[int, int, int]:
        """Return the offsets (validation start, validation end, test start) in a text of ``size`` characters."""
        percentages = self.train_head, self.train_head + self.valid, 100 - self.test
        valid_start, valid_end, test_start = (round(size * percentage / 100) for percentage in percentages)
        return valid_start, valid_end, test_start

    def __str__(self) -> str:
        """Return the percentages in words: "88 % training, 2 % validation, 10 % test"."""
        return f"{self.train_head + self.train_tail} % training, {self.valid} % validation, {self.test} % test"
