"""Tokenizers whose tokens can be longer than a character: BPE and whole words, both with byte fallback.

A text is first cut into pretokens: a word with the space before it, digits, punctuation, or white space. No token spans
two pretokens (Sennrich, Haddow and Birch 2016, arXiv 1508.07909, and GPT-2 for the bytes).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from ..errors import ModelError
from .chunks import TextLike, iter_chunks
from .decoder import BytesDecoder, Decoder, Ids

SINGLE_BYTES = [bytes((value,)) for value in range(256)]
"""The first 256 tokens of every subword tokenizer."""

MAX_TOKEN_BYTES = 128
"""Maximum bytes of a token. In a malicious file, every merge could double the length."""

CACHE_SIZE = 1 << 16
"""Maximum number of pretokens whose ids are cached. Texts repeat words, so most look-ups hit."""

_PRETOKEN = re.compile(r" ?[^\W\d_]{1,64}(?:'[^\W\d_]{1,64})?| ?\d{1,64}| ?(?:[^\w\s]|_){1,64}|\s{1,64}(?!\S)|\s{1,64}")
"""Repetitions are bounded, because merging a pretoken takes time quadratic in its length."""

SURROGATES = re.compile("[\ud800-\udfff]")
"""A lone surrogate, which has no UTF-8 encoding."""


def pretokenize(text: str) -> list[str]:
    """Return the pretokens of ``text``. Joined, they are ``text``. A space belongs to the word after it."""
    return _PRETOKEN.findall(text)


class SubwordTokenizer(ABC):
    """Base class of BPE and word tokenizers. ``table`` holds the bytes of each token, the 256 single bytes first."""

    kind: str
    replacement = "\ufffd"
    stand_in = None

    def __init__(self, table: Sequence[bytes]) -> None:
        self.table = list(table)
        self.size = len(self.table)
        self.max_token_chars = max(map(len, self.table)) + 1  # plus U+FFFD for a character left unfinished before it
        self._cache: dict[str, list[int]] = {}

    def encode(self, text: str) -> Ids:
        """Return ids, shape (n,), one or more per pretoken. Lone surrogates become U+FFFD."""
        ids: list[int] = []
        for pretoken in pretokenize(SURROGATES.sub(self.replacement, text)):
            pretoken_ids = self._cache.get(pretoken)
            if pretoken_ids is None:
                pretoken_ids = self._encode_pretoken(pretoken.encode())
                if len(self._cache) < CACHE_SIZE:
                    self._cache[pretoken] = pretoken_ids
            ids += pretoken_ids
        return np.array(ids, np.int64)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ``ids``, with U+FFFD for invalid UTF-8."""
        return b"".join(self.table[i] for i in ids).decode("utf-8", "replace")

    def decoder(self, remainder: bytes = b"") -> Decoder:
        """Return an incremental UTF-8 decoder."""
        return BytesDecoder(self.table, remainder)

    def unknown_characters(self, text: str) -> list[str]:
        """Return the distinct lone surrogates in ``text``. All characters are known."""
        return list(dict.fromkeys(SURROGATES.findall(text)))

    @abstractmethod
    def _encode_pretoken(self, pretoken: bytes) -> list[int]:
        """Return the ids of one pretoken."""


class BpeTokenizer(SubwordTokenizer):
    """Byte-pair encoding. ``merges`` are pairs of ids; an earlier pair is merged first.

    Each merge adds a token, unless a token with the same bytes exists. Raises ModelError for invalid merges.
    """

    kind = "bpe"

    def __init__(self, merges: Sequence[tuple[int, int]]) -> None:
        self.merges = list(merges)
        self._merge_table: dict[tuple[int, int], tuple[int, int]] = {}
        ids = {value: number for number, value in enumerate(SINGLE_BYTES)}
        table = list(SINGLE_BYTES)
        for rank, (left, right) in enumerate(self.merges):
            if not 0 <= min(left, right) <= max(left, right) < len(table):
                raise ModelError("its tokenizer merges tokens that do not exist")
            merged = table[left] + table[right]
            if len(merged) > MAX_TOKEN_BYTES:
                raise ModelError(f"its tokenizer has a token of more than {MAX_TOKEN_BYTES} bytes")
            self._merge_table[left, right] = rank, ids.setdefault(merged, len(table))
            if ids[merged] == len(table):
                table.append(merged)
        super().__init__(table)

    def header(self) -> dict[str, object]:
        """Return the kind and the merges for a model file."""
        return {"kind": self.kind, "merges": self.merges}

    def _encode_pretoken(self, pretoken: bytes) -> list[int]:
        ids = list(pretoken)
        no_merge = len(self.merges), -1
        while len(ids) > 1:
            (_, new_id), pair = min((self._merge_table.get(pair, no_merge), pair) for pair in pairwise(ids))
            if new_id < 0:
                break
            ids = _merge_pair(ids, pair, new_id)
        return ids


class WordTokenizer(SubwordTokenizer):
    """One token for each of ``words``: pretokens with the space before them. Other pretokens are spelled in bytes."""

    kind = "word"

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        super().__init__([*SINGLE_BYTES, *(word.encode() for word in self.words)])
        self._word_ids = {word: 256 + number for number, word in enumerate(self.words)}

    @classmethod
    def from_text(cls, text: TextLike, size: int) -> WordTokenizer:
        """Return a tokenizer of at most ``size`` tokens: bytes, and the most frequent pretokens of ``text``.

        Pretokens that occur once, or are a single byte, are left out.
        """
        pretokens = (pretoken for chunk in iter_chunks(text) for pretoken in pretokenize(chunk))
        counts = Counter(pretoken for pretoken in pretokens if 1 < len(pretoken.encode()) <= MAX_TOKEN_BYTES)
        by_frequency = sorted(counts, key=lambda pretoken: (-counts[pretoken], pretoken))
        return cls([pretoken for pretoken in by_frequency if counts[pretoken] > 1][: max(0, size - 256)])

    def header(self) -> dict[str, object]:
        """Return the kind and the words for a model file."""
        return {"kind": self.kind, "words": self.words}

    def _encode_pretoken(self, pretoken: bytes) -> list[int]:
        word = self._word_ids.get(pretoken.decode())
        return list(pretoken) if word is None else [word]


def from_merges(merges: list[object]) -> BpeTokenizer:
    """Return the BPE tokenizer of a model file's header. Raises ModelError for invalid merges."""
    return BpeTokenizer([_parse_merge(merge) for merge in merges])


def _parse_merge(merge: object) -> tuple[int, int]:
    if isinstance(merge, list) and len(merge) == 2 and all(type(i) is int for i in merge):
        return merge[0], merge[1]
    raise ModelError("its tokenizer has merges that are not pairs of ids")


def from_words(words: list[object]) -> WordTokenizer:
    """Return the word tokenizer of a model file's header. Raises ModelError for invalid or repeated words."""
    valid = [word for word in words if isinstance(word, str) and _is_word(word)]
    if len(set(valid)) != len(words):
        raise ModelError("its tokenizer has invalid or repeated words")
    return WordTokenizer(valid)


def _is_word(text: str) -> bool:
    return text != "" and not SURROGATES.search(text) and len(text.encode()) <= MAX_TOKEN_BYTES


def _merge_pair(ids: list[int], pair: tuple[int, int], new_id: int) -> list[int]:
    """Return ``ids`` with every occurrence of ``pair`` replaced by ``new_id``, from the left."""
    merged = []
    index = 0
    while index < len(ids):
        if (*ids[index : index + 2],) == pair:
            merged.append(new_id)
            index += 2
        else:
            merged.append(ids[index])
            index += 1
    return merged
