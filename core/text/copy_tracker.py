"""Track what is copied in a growing text: the tokens that begin in copied runs, and the items that stand in a list."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import NamedTuple

from .copy_detection import CopyDetector, CopyIndex


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

    With ``items``, a whole item that stands in the list is a copied run, too.
    """

    def __init__(self, detector: CopyDetector, items: ItemTracker | None = None) -> None:
        self._detector = detector
        self._items = items
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

    def summary(self) -> str:
        """Return the share and the longest run in words: "copied 12%, longest 40", or "2 of 9 items in the list"."""
        if self._items:
            several = f"{self._items.copy_count:,} of {self._items.count:,} items " if self._items.count > 1 else ""
            return f"{several}in the list" if several or self._items.copy_count else "not in the list"
        return f"copied {self.share:.0%}" + (f", longest {self.longest_run}" if self.longest_run else "")

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
        last = self._spans[-1] if self._spans else CopySpan(0, 0, 0)
        if last.length and begin == last.end - last.length:  # the last run has grown
            self._spans[-1] = CopySpan(last.start, self._chars_read, length)
            return last.end
        start = max(begin, last.end)
        self._spans.append(CopySpan(start, self._chars_read, length))
        return start


class CopyIndexes:
    """The indexes of the texts that a model was trained on: one, several for a mixture, or none."""

    def __init__(self, indexes: Iterable[CopyIndex | None], item_end: str) -> None:
        self.indexes = [index for index in indexes if index]
        self._item_end = item_end

    @property
    def knows_items(self) -> bool:
        """True if the model was trained on a list and all its items are known."""
        return bool(self._item_end and self.indexes) and all(index.has_items for index in self.indexes)

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
        return CopyTracker(detector, items) if detector else None
