"""How a text is divided: what is learned from, what is checked with, and what is held out."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import UsageError

DEFAULT_SPLIT = "44/2/44/10"
"""2 % in the middle for early stopping and calibration, the last 10 % only reported, all the rest learned from.

What is trained on goes right up to the held-out part: a text's end is mostly about what stands just before it, and
validation there would keep that from the model (docs/experiments.md: 0.1 nats on tiny Shakespeare).
"""


class Split(NamedTuple):
    """Percents of a text in its order: learned from, validated with, learned from again, held out."""

    train_head: int
    valid: int
    train_tail: int
    test: int

    @classmethod
    def parse(cls, text: str) -> Split:
        """The split that ``written`` stands for: 80/10/10, or 44/2/44/10. Raises UsageError."""
        words = text.split("/")
        shares = [int(word) for word in words if word.isascii() and word.isdecimal()]
        if len(words) == len(shares) == 3:
            shares.insert(2, 0)
        if len(shares) != 4 or sum(shares) != 100 or not all(shares[at] for at in (0, 1, 3)):
            raise UsageError(
                f"{text!r} is no split: write 80/10/10, percents to learn from, to validate with and to hold out,"
                f" or {DEFAULT_SPLIT}, which learns from the third share too"
            )
        return cls(*shares)

    def bounds(self, size: int) -> tuple[int, int, int]:
        """Where in so many characters validation begins and ends, and from where on they are held out."""
        ends = self.train_head, self.train_head + self.valid, 100 - self.test
        start, end, last = (round(size * end / 100) for end in ends)
        return start, end, last

    def __str__(self) -> str:
        """In words."""
        learned = self.train_head + self.train_tail
        return f"{learned} % to learn from, {self.valid} % to check with, {self.test} % held out"
