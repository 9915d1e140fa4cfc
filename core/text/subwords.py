"""Tokens of more than one character: BPE merges and whole words. Bytes stand behind both, so any text can be read.

A text is first cut into pieces: a word with the space before it, digits, punctuation, white space. No token reaches
across two of them (Sennrich, Haddow and Birch 2016, arXiv 1508.07909, and GPT-2 for the bytes).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..errors import ModelError
from .chunks import TextLike, iter_chunks
from .decoder import BytesDecoder, Decoder, Ids

SINGLE_BYTES = [bytes((value,)) for value in range(256)]

MAX_TOKEN_BYTES = 128
"""Bytes of a token at most: a file from a stranger could double them with every merge."""

CACHE_SIZE = 1 << 16
"""Pieces whose tokens are kept, since a text says the same words again and again."""

_PRETOKEN = re.compile(r" ?[^\W\d_]{1,64}(?:'[^\W\d_]{1,64})?| ?\d{1,64}| ?(?:[^\w\s]|_){1,64}|\s{1,64}(?!\S)|\s{1,64}")
"""Pieces are bounded, since finding the merges in one takes the square of its length."""

_SURROGATES = re.compile("[\ud800-\udfff]")


def pretokenize(text: str) -> list[str]:
    """``text`` cut; together the pieces are the text again. A space belongs to the word behind it."""
    return _PRETOKEN.findall(text)


class SubwordTokenizer(ABC):
    """What both kinds share: a table of the bytes of each token, the 256 single ones first."""

    kind: str
    replacement = "\ufffd"

    def __init__(self, table: Sequence[bytes]) -> None:
        self.table = list(table)
        self.size = len(self.table)
        self.max_token_chars = max(map(len, self.table)) + 1  # and U+FFFD for a character that was broken off before
        self._cache: dict[str, list[int]] = {}

    def encode(self, text: str) -> Ids:
        """Ids, shape (n,), one or more a piece. A lone surrogate, which UTF-8 cannot hold, becomes the stand-in."""
        ids: list[int] = []
        for piece in pretokenize(_SURROGATES.sub(self.replacement, text)):
            known = self._cache.get(piece)
            if known is None:
                known = self._encode_pretoken(piece.encode())
                if len(self._cache) < CACHE_SIZE:
                    self._cache[piece] = known
            ids += known
        return np.array(ids, np.int64)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ``ids``; U+FFFD where they are not UTF-8."""
        return b"".join(self.table[i] for i in ids).decode("utf-8", "replace")

    def decoder(self, remainder: bytes = b"") -> Decoder:
        """An incremental UTF-8 decoder."""
        return BytesDecoder(self.table, remainder)

    def unknown_characters(self, text: str) -> list[str]:
        """Only lone surrogates: they are no characters."""
        return [c for c in dict.fromkeys(text) if "\ud800" <= c <= "\udfff"]

    @abstractmethod
    def _encode_pretoken(self, pretoken: bytes) -> list[int]:
        """The ids of one piece."""


class BpeTokenizer(SubwordTokenizer):
    """Byte-pair encoding: ``merges`` are pairs of ids, the earliest applied first.

    Each makes the next new token, or stands for one with the same bytes. Raises ModelError for merges that cannot be.
    """

    kind = "bpe"

    def __init__(self, merges: Sequence[tuple[int, int]]) -> None:
        self.merges, self._merge_table = list(merges), dict[tuple[int, int], tuple[int, int]]()
        ids = {value: number for number, value in enumerate(SINGLE_BYTES)}
        table = list(SINGLE_BYTES)
        for rank, (left, right) in enumerate(self.merges):
            if not 0 <= min(left, right) <= max(left, right) < len(table):
                raise ModelError("its tokenizer merges tokens that are not there")
            made = table[left] + table[right]
            if len(made) > MAX_TOKEN_BYTES:
                raise ModelError(f"its tokenizer has a token of more than {MAX_TOKEN_BYTES} bytes")
            self._merge_table[left, right] = rank, ids.setdefault(made, len(table))
            table += [made] if ids[made] == len(table) else []
        super().__init__(table)

    def header(self) -> dict[str, Any]:
        """Kind and merges."""
        return {"kind": self.kind, "merges": self.merges}

    def _encode_pretoken(self, pretoken: bytes) -> list[int]:
        ids, never = list(pretoken), (len(self.merges), -1)
        while len(ids) > 1:
            (_, made), pair = min((self._merge_table.get(pair, never), pair) for pair in pairwise(ids))
            if made < 0:
                break
            ids = _merge_pair(ids, pair, made)
        return ids


class WordTokenizer(SubwordTokenizer):
    """One token for each of ``words``, pieces with their space; another piece is spelled in bytes."""

    kind = "word"

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        super().__init__([*SINGLE_BYTES, *(word.encode() for word in self.words)])
        self._word_ids = {word: 256 + number for number, word in enumerate(self.words)}

    @classmethod
    def from_text(cls, text: TextLike, size: int) -> WordTokenizer:
        """The commonest pieces of ``text`` that occur at least twice, single bytes apart; ``size`` tokens at most."""
        found = (piece for stretch in iter_chunks(text) for piece in pretokenize(stretch))
        counts = Counter(piece for piece in found if 1 < len(piece.encode()) <= MAX_TOKEN_BYTES)
        ordered = sorted(counts, key=lambda piece: (-counts[piece], piece))
        return cls([piece for piece in ordered if counts[piece] > 1][: max(0, size - 256)])

    def header(self) -> dict[str, Any]:
        """Kind and words."""
        return {"kind": self.kind, "words": self.words}

    def _encode_pretoken(self, pretoken: bytes) -> list[int]:
        word = self._word_ids.get(pretoken.decode())
        return list(pretoken) if word is None else [word]


def from_merges(merges: list[Any]) -> BpeTokenizer:
    """The tokenizer in a header; raises ModelError where its merges cannot be."""
    for merge in merges:
        if not isinstance(merge, list) or len(merge) != 2 or not all(type(i) is int for i in merge):
            raise ModelError("its tokenizer has merges that are not pairs of ids")
    return BpeTokenizer([(left, right) for left, right in merges])


def from_words(words: list[Any]) -> WordTokenizer:
    """The tokenizer in a header; raises ModelError where its words cannot be."""
    fit = all(
        isinstance(w, str) and w and not _SURROGATES.search(w) and len(w.encode()) <= MAX_TOKEN_BYTES for w in words
    )
    if not fit or len(set(words)) != len(words):
        raise ModelError("its tokenizer has words that cannot be")
    return WordTokenizer(words)


def _merge_pair(ids: list[int], pair: tuple[int, int], new_id: int) -> list[int]:
    """``ids`` with every occurrence of ``pair`` replaced, from the left."""
    after, at = [], 0
    while at < len(ids):
        if (*ids[at : at + 2],) == pair:
            after.append(new_id)
            at += 2
        else:
            after.append(ids[at])
            at += 1
    return after
