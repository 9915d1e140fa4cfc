"""Items: the texts of a list, such as names, titles or poems. Generated text ends where an item does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from .chunks import TextLike, iter_chunks, iter_lines

ITEM_ENDS = {"line": "\n", "blank-line": "\n\n"}
"""The text that ends an item, by value of ``train --items``. An item of several lines has no blank line in it."""


def find_item_end(lines: bool, items: str) -> str:
    """Return the text that ends an item, "" if the text is no list. ``lines`` is the same as ``items`` "line"."""
    return ITEM_ENDS.get("line" if lines else items, "")


def iter_items(lines: Iterable[str], end: str) -> Iterator[str]:
    """Yield the items in whole ``lines``, without their ends: each line, or what stands between blank lines.

    Blank lines are no items.
    """
    if end == ITEM_ENDS["line"]:
        yield from (line.rstrip("\n") for line in lines if line.strip())
        return
    for has_text, group in groupby(lines, key=lambda line: bool(line.strip())):
        if has_text:
            yield "".join(group).rstrip("\n")


def format_item(text: str, end: str) -> str:
    """Return ``text`` as one item with its end: on one line, or without its blank lines."""
    if end == ITEM_ENDS["line"]:
        return " ".join(text.split()) + end
    return "\n".join(line for line in text.split("\n") if line.strip()) + end


def split_items(text: str, end: str) -> list[str]:
    """Return the items in a generated text. The last one, which may be cut off, is left out."""
    return [item for item in map(str.strip, text.split(end)[:-1]) if item]


def hash_item(item: str) -> int:
    """Return a 32-bit hash of an item. White space around it does not count."""
    return int.from_bytes(hashlib.blake2b(item.strip().encode("utf-8", "surrogatepass"), digest_size=4).digest())


class ItemSet:
    """The items of a list, as hashes: one in 2^32 / n items that are not in the list is taken for one of its n."""

    def __init__(self, text: TextLike, end: str) -> None:
        self.hashes = np.unique(np.fromiter(map(hash_item, iter_items(iter_lines(iter_chunks(text)), end)), np.uint32))
        """The hashes, sorted, (n,)."""

    def __contains__(self, item: object) -> bool:
        return isinstance(item, str) and contains_hash(self.hashes, np.uint32(hash_item(item)))


def contains_hash(hashes: NDArray[np.uint32], value: np.uint32) -> bool:
    """Return True if ``value`` is one of ``hashes``, which are sorted."""
    at = int(np.searchsorted(hashes, value))
    return at < len(hashes) and bool(hashes[at] == value)
