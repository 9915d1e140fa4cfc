"""Text to token ids and back: one token a character, or one a UTF-8 byte; ``pieces`` has the longer ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from ..errors import ModelError
from .chunks import TextLike, count_characters
from .decoder import BytesDecoder, Decoder, Ids
from .subwords import SINGLE_BYTES, from_merges, from_words

__all__ = ["ByteTokenizer", "CharTokenizer", "Decoder", "Ids", "Tokenizer", "from_header"]

_SURROGATES = re.compile("[\ud800-\udfff]")


class Tokenizer(Protocol):
    """What every kind of tokenizer does."""

    kind: str
    size: int
    """How many tokens there are: V."""
    max_token_chars: int
    """How many characters a token can make readable at most."""

    def encode(self, text: str) -> Ids:
        """Ids, shape (n,); characters that are not known become the stand-in."""
        ...

    def decode(self, ids: Iterable[int]) -> str:
        """The text of whole ids."""
        ...

    def decoder(self, remainder: bytes = b"") -> Decoder:
        """A decoder that goes on behind ``remainder``."""
        ...

    def unknown_characters(self, text: str) -> list[str]:
        """The distinct characters of ``text`` that have no token, in order of appearance."""
        ...

    @property
    def replacement(self) -> str:
        """What an unseen character is read as."""
        ...

    def header(self) -> dict[str, Any]:
        """What a model file keeps of it; ``from_header`` is the way back."""
        ...


class CharTokenizer:
    """One token for every distinct character (code point) of the training text."""

    kind = "char"
    max_token_chars = 1

    def __init__(self, characters: Sequence[str]) -> None:
        self.characters = list(characters)
        self.size = len(self.characters)
        self._ids = {character: i for i, character in enumerate(self.characters)}
        self._replacement_id = next((self._ids[c] for c in " \n" if c in self._ids), 0)
        codes = [ord(c) for c in self.characters]
        self._table = np.full(max(codes, default=0) + 2, self._replacement_id, np.int64)  # the last: any that is beyond
        self._table[codes] = np.arange(self.size)

    @classmethod
    def from_text(cls, text: TextLike, min_count: int = 1) -> CharTokenizer:
        """The tokenizer of what occurs in ``text`` at least ``min_count`` times, in code point order.

        Where nothing does, of the commonest character.
        """
        counts = count_characters(text)
        return cls([c for c, n in counts.items() if n >= min_count] or [max(counts, key=counts.__getitem__)])

    def extended(self, text: TextLike, min_count: int = 1) -> CharTokenizer:
        """The same ids, and new ones behind them for what ``text`` has beside, at least ``min_count`` times."""
        new = set(CharTokenizer.from_text(text, min_count).characters) - set(self.characters)
        return CharTokenizer([*self.characters, *sorted(new)])

    @property
    def replacement(self) -> str:
        """A space where the text has one, else a newline, else its first character."""
        return self.characters[self._replacement_id]

    def encode(self, text: str) -> Ids:
        """Ids, shape (n,), one a character."""
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
        return np.asarray(self._table[np.minimum(codes, len(self._table) - 1)])

    def decode(self, ids: Iterable[int]) -> str:
        """The characters of ``ids``."""
        return "".join(self.characters[i] for i in ids)

    def decoder(self, remainder: bytes = b"") -> Decoder:  # noqa: ARG002
        """A decoder without memory: every token is a whole character."""
        return _CharDecoder(self.characters)

    def unknown_characters(self, text: str) -> list[str]:
        """The distinct characters of ``text`` that are not in the vocabulary."""
        return [c for c in dict.fromkeys(text) if c not in self._ids]

    def header(self) -> dict[str, Any]:
        """Kind and characters."""
        return {"kind": self.kind, "characters": self.characters}


class _CharDecoder:
    remainder = b""

    def __init__(self, characters: list[str]) -> None:
        self._characters = characters

    def push(self, token: int) -> str:
        return self._characters[token]

    def flush(self) -> str:
        return ""


class ByteTokenizer:
    """One token for every byte of UTF-8: 256 tokens cover any text."""

    kind = "byte"
    size = 256
    max_token_chars = 2  # a byte that ends a broken character shows U+FFFD and itself
    replacement = "\ufffd"

    def encode(self, text: str) -> Ids:
        """Ids, shape (bytes,). A lone surrogate, which UTF-8 cannot hold, becomes the stand-in."""
        data = _SURROGATES.sub(self.replacement, text).encode()
        return np.frombuffer(data, np.uint8).astype(np.int64)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ``ids``; U+FFFD where they are not UTF-8."""
        return bytes(map(int, ids)).decode("utf-8", "replace")

    def decoder(self, remainder: bytes = b"") -> Decoder:
        """An incremental UTF-8 decoder."""
        return BytesDecoder(SINGLE_BYTES, remainder)

    def unknown_characters(self, text: str) -> list[str]:
        """Only lone surrogates: they are no characters."""
        return [c for c in dict.fromkeys(text) if "\ud800" <= c <= "\udfff"]

    def header(self) -> dict[str, Any]:
        """The kind says it all."""
        return {"kind": self.kind}


def from_header(header: Any) -> Tokenizer:
    """The tokenizer that a model file's header describes; raises ModelError where it describes none."""
    match header:
        case {"kind": "byte"}:
            return ByteTokenizer()
        case {"kind": "char", "characters": [*characters]} if _are_characters(characters):
            return CharTokenizer(characters)
        case {"kind": "bpe", "merges": [*merges]}:
            return from_merges(merges)
        case {"kind": "word", "words": [*words]}:
            return from_words(words)
    raise ModelError("its tokenizer is not one that this version knows")


def _are_characters(items: list[Any]) -> bool:
    return len(items) == len(set(map(str, items))) > 0 and all(
        isinstance(c, str) and len(c) == 1 and not "\ud800" <= c <= "\udfff" for c in items
    )
