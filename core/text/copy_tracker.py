"""Track what is copied in a growing text: the tokens that begin in copied runs, and the items that stand in a list."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import NamedTuple

from .copy_detection import CopyDetector
from .copy_index import CopyIndex


def at_least(figure: str, is_minimum: bool, sign: str = "at least ") -> str:
    """Return a figure on copies: "at least 6%" if it ``is_minimum``, if more may be copied than was found."""
    return f"{sign}{figure}" if is_minimum else figure


class ItemTracker:
    """Finds the items of a growing text that stand in the list that a model was trained on.

    An item that has not ended counts as it stands. ``count`` items were read, ``copy_count`` of them are in the list,
    and ``longest`` is the number of characters of the longest of these.
    """

    def __init__(self, contains: Callable[[str], bool], end: str) -> None:
        self._contains = contains
        self._end = end
        self._item = ""
        self._start = 0
        self._in_list = False
        self._ended: list[tuple[int, int]] = []
        self._ended_count = 0
        self.longest = 0

    @property
    def copy_count(self) -> int:
        """Number of items in the list."""
        return len(self._ended) + self._in_list

    @property
    def count(self) -> int:
        """Number of items."""
        return self._ended_count + bool(self._item.strip())

    def push(self, character: str) -> int | None:
        """Append a character. Return the place at which an item begins that now is, or no longer is, in the list.

        None if there is none.
        """
        self._item += character
        if self._item.endswith(self._end):
            self._end_item()
            return None
        before, self._in_list = self._in_list, bool(self._item.strip()) and self._contains(self._item)
        self.longest = max(self.longest, len(self._item.strip()) if self._in_list else 0)
        return self._start if self._in_list != before else None

    def length_at(self, place: int) -> int:
        """Return the length of the item in the list to which the character at ``place`` belongs, 0 if there is none."""
        if place >= self._start:
            return len(self._item.strip()) if self._in_list else 0
        at = bisect_right(self._ended, place, key=itemgetter(0)) - 1
        start, end = self._ended[at] if at >= 0 else (0, 0)
        return end - start if place < end else 0

    def _end_item(self) -> None:
        self._ended_count += bool(self._item.strip())
        end = self._start + len(self._item)
        if self._in_list:
            self._ended.append((self._start, end - len(self._end)))
        self._item, self._start, self._in_list = "", end, False


class CopySpan(NamedTuple):
    """A copied run of ``length`` characters. No earlier run covers its part from ``start`` up to ``end``."""

    start: int
    end: int
    length: int


class CopyTracker:
    """Finds the tokens of a growing text that begin in copied runs. Runs may begin in a seed.

    With ``items``, a whole item that stands in the list is a copied run, too. ``is_minimum`` is True if the detector
    knows only some of the runs of the training text. ``unseen_share``: share of the characters of unseen text of the
    same author that are in copied runs, 0 to 1; None if it was not measured.
    """

    def __init__(
        self,
        detector: CopyDetector,
        items: ItemTracker | None = None,
        is_minimum: bool = False,
        unseen_share: float | None = None,
    ) -> None:
        self._detector = detector
        self._items = items
        self._is_minimum = is_minimum
        self.unseen_share = None if items else unseen_share
        self._token_starts: list[int] = []
        self._spans: list[CopySpan] = []
        self._chars_read = 0
        self._copied_tokens = 0
        self._longest_run = 0

    @property
    def longest_run(self) -> int:
        """Characters of the longest copied run, or of the longest item in the list if that is longer."""
        return max(self._longest_run, self._items.longest if self._items and self._items.copy_count else 0)

    @property
    def share(self) -> float:
        """Share of the tokens that are copied, or of the items that stand in the list, 0 to 1."""
        if self._items:
            return self._items.copy_count / max(1, self._items.count)
        return self._copied_tokens / max(1, len(self._token_starts))

    @property
    def is_minimum(self) -> bool:
        """True if more may be copied than ``share`` says. All items of a list are known."""
        return self._is_minimum and self._items is None

    def parts(self) -> dict[str, str]:
        """Return what is said about copies, by name, most important first.

        "copied at least 12%", "unseen text 9%", "longest at least 24", or of a list "2 of 9 items in the list".
        """
        unseen = "" if self.unseen_share is None else f"unseen text {self.unseen_share:.0%}"
        longest = "" if self._items or not self.longest_run else f"longest {at_least(f'{self.longest_run}', True)}"
        return {"copied": self.format_share(), "unseen": unseen, "longest": longest}

    def summary(self) -> str:
        """Return ``parts`` in one line."""
        return ", ".join(filter(None, self.parts().values()))

    def format_share(self) -> str:
        """Return the share in words: "copied at least 12%", or "2 of 9 items in the list"."""
        return self._describe_items() if self._items else f"copied {at_least(f'{self.share:.0%}', self.is_minimum)}"

    def format_brief_share(self) -> str:
        """Return the share for a narrow place: "≥12% copied", or "2 of 9 items in the list"."""
        share = at_least(f"{self.share:.0%}", self.is_minimum, "≥")
        return self._describe_items() if self._items else f"{share} copied"

    def _describe_items(self) -> str:
        assert self._items
        several = f"{self._items.copy_count:,} of {self._items.count:,} items " if self._items.count > 1 else ""
        return f"{several}in the list" if several or self._items.copy_count else "not in the list"

    def add_seed(self, text: str) -> None:
        """Append a text that the user typed. It adds no tokens to the share."""
        for character in text:
            self._step(character)

    def add_token(self, text: str) -> int | None:
        """Append a token. Return the index of the first token that is now found to be copied, None if none is.

        Or of the first one that no longer is: the item in which it is has gone on.
        """
        self._token_starts.append(self._chars_read)
        return min((first for character in text if (first := self._step(character)) is not None), default=None)

    def run_length(self, token: int) -> int:
        """Return the length of the copied run in which the token with index ``token`` begins, 0 if it is not copied."""
        start = self._token_starts[token]
        at = bisect_right(self._spans, start, key=itemgetter(0)) - 1
        length = self._spans[at].length if at >= 0 and start < self._spans[at].end else 0
        return max(length, self._items.length_at(start) if self._items else 0)

    def _step(self, character: str) -> int | None:
        """Append a character. Return the index of the first token that is now, or is no longer, found to be copied."""
        match = self._detector.push(character)
        item_start = self._items.push(character) if self._items else None
        self._chars_read += 1
        changed = [] if item_start is None else [bisect_left(self._token_starts, item_start)]
        if match:
            changed.append(bisect_left(self._token_starts, self._add_run(match.length)))
            self._copied_tokens += len(self._token_starts) - changed[-1]
            self._longest_run = max(self._longest_run, match.length)
        return min((first for first in changed if first < len(self._token_starts)), default=None)

    def _add_run(self, length: int) -> int:
        """Record a copied run of ``length`` characters that ends here. Return the start of its part not yet covered."""
        begin = self._chars_read - length
        covered = self._spans[-1].end if self._spans else 0
        while self._spans and self._spans[-1].start >= begin and self._spans[-1].length <= length:
            self._spans.pop()  # the run has grown, or contains another one
        start = max(begin, self._spans[-1].end if self._spans else 0)
        self._spans.append(CopySpan(start, self._chars_read, length))
        return max(begin, covered)


class CopyIndexes:
    """The indexes of the texts that a model was trained on: one, several for a mixture, or none.

    ``has_other_text`` is True if the model has learned from a text that is in no index.
    """

    def __init__(
        self,
        indexes: Sequence[CopyIndex | None],
        item_end: str,
        unseen_share: float | None = None,
        has_other_text: bool = False,
    ) -> None:
        self.indexes = [index for index in indexes if index]
        self._item_end = item_end
        self._unseen_share = unseen_share
        self.miss_some = has_other_text or not all(index and index.is_complete for index in indexes)
        """True if a copied run may be missed."""

    @property
    def knows_items(self) -> bool:
        """True if the model was trained on a list and all its items are known."""
        return bool(self._item_end and self.indexes) and all(index.items is not None for index in self.indexes)

    def contains_item(self, item: str) -> bool:
        """Return True if the list that the model was trained on has this item. Items must be known."""
        return any(index.contains_item(item) for index in self.indexes)

    def detector(self) -> CopyDetector | None:
        """Return a detector of copied runs, None without an index."""
        return CopyDetector(*self.indexes) if self.indexes else None

    def tracker(self) -> CopyTracker | None:
        """Return a tracker of copied tokens and items, None without an index."""
        detector = self.detector()
        items = ItemTracker(self.contains_item, self._item_end) if self.knows_items else None
        return CopyTracker(detector, items, self.miss_some, self._unseen_share) if detector else None
