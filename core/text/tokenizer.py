"""Encode text as token ids: the protocol, and the char and byte tokenizers. Those with longer tokens: ``subwords``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeGuard

import numpy as np

from ..errors import ModelError, TextError
from .chunks import TextLike, count_characters
from .decoder import BytesDecoder, Decoder, Ids
from .subwords import SINGLE_BYTES, SURROGATES, from_merges, from_words

__all__ = ["ByteTokenizer", "CharTokenizer", "Decoder", "Ids", "Tokenizer", "from_header"]

STAND_IN = "\ufffd"
"""The character that stands for those that are left out of a vocabulary."""


class Tokenizer(Protocol):
    """Encodes text as token ids and decodes them."""

    kind: str
    size: int
    """Number of tokens, V."""
    max_token_chars: int
    """Maximum number of characters that one token can complete."""

    def encode(self, text: str) -> Ids:
        """Return ids, shape (n,). Unknown characters are encoded as ``replacement``."""
        ...

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ``ids``."""
        ...

    def decoder(self, remainder: bytes = b"") -> Decoder:
        """Return an incremental decoder that continues after ``remainder``, the bytes of an unfinished character."""
        ...

    def unknown_characters(self, text: str) -> list[str]:
        """Return the distinct characters of ``text`` that have no token, in order of appearance."""
        ...

    @property
    def replacement(self) -> str:
        """The character as which unknown ones are encoded."""
        ...

    @property
    def stand_in(self) -> int | None:
        """The token that stands for unknown characters only: it is read, but never predicted. None if there is none."""
        ...

    def header(self) -> dict[str, object]:
        """Return the description that a model file stores. ``from_header`` reads it."""
        ...

    def __hash__(self) -> int:
        """Return the hash of the object: results for a tokenizer are cached."""
        ...


class CharTokenizer:
    """One token for every distinct character (code point) of the training text.

    ``has_stand_in``: U+FFFD, one of ``characters``, stands for all others. It is read and never predicted.
    """

    kind = "char"
    max_token_chars = 1

    def __init__(self, characters: Sequence[str], has_stand_in: bool = False) -> None:
        self.characters = list(characters)
        self.size = len(self.characters)
        self._ids = {character: i for i, character in enumerate(self.characters)}
        self.stand_in = self._ids.pop(STAND_IN) if has_stand_in else None
        first = next((self._ids[c] for c in " \n" if c in self._ids), 0)
        self._replacement_id = first if self.stand_in is None else self.stand_in
        codes = [ord(c) for c in self.characters]
        # The last element is the id for all higher code points.
        self._table = np.full(max(codes, default=0) + 2, self._replacement_id, np.int64)
        self._table[codes] = np.arange(self.size)

    @classmethod
    def from_text(cls, text: TextLike, min_count: int = 1) -> CharTokenizer:
        """Return a tokenizer of the characters that occur in ``text`` at least ``min_count`` times.

        They are in order of code points, with a stand-in if some are left out. If there are none, it has the most
        frequent character only. Raises TextError for an empty text.
        """
        counts = count_characters(text)
        if not counts:
            raise TextError("an empty text has no characters to learn")
        kept = [c for c, n in counts.items() if n >= min_count] or [max(counts, key=counts.__getitem__)]
        return cls(kept) if len(kept) == len(counts) else cls(sorted({*kept, STAND_IN}), has_stand_in=True)

    def extended(self, text: TextLike, min_count: int = 1) -> CharTokenizer:
        """Return a tokenizer with the same ids, and new ones for other characters of ``text``.

        New characters must occur at least ``min_count`` times. If some are left out, there is a stand-in.
        """
        counts = count_characters(text)
        unknown = counts.keys() - set(self.characters)
        new = {c for c in unknown if counts[c] >= min_count}
        if self.stand_in is None and new == unknown:
            return CharTokenizer([*self.characters, *sorted(new)])
        new = (new | {STAND_IN}) - set(self.characters)
        return CharTokenizer([*self.characters, *sorted(new)], has_stand_in=True)

    @property
    def replacement(self) -> str:
        """The stand-in. Without one, a space if there is a token for it, else a newline, else the first character."""
        return self.characters[self._replacement_id]

    def encode(self, text: str) -> Ids:
        """Return ids, shape (n,), one per character."""
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
        return np.asarray(self._table[np.minimum(codes, len(self._table) - 1)])

    def decode(self, ids: Iterable[int]) -> str:
        """Return the characters of ``ids``."""
        return "".join(self.characters[i] for i in ids)

    def decoder(self, remainder: bytes = b"") -> Decoder:  # noqa: ARG002
        """Return a stateless decoder, since every token is a whole character."""
        return _CharDecoder(self.characters)

    def unknown_characters(self, text: str) -> list[str]:
        """Return the distinct characters of ``text`` that are not in the vocabulary."""
        return [c for c in dict.fromkeys(text) if c not in self._ids]

    def header(self) -> dict[str, object]:
        """Return the kind and the characters for a model file, and "stand_in" if U+FFFD is one.

        Earlier releases ignore that: for them it is a character whose probability is 0.
        """
        header: dict[str, object] = {"kind": self.kind, "characters": self.characters}
        return header if self.stand_in is None else {**header, "stand_in": True}


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
    stand_in = None
    max_token_chars = 2  # U+FFFD for a character left unfinished, and its own
    replacement = "\ufffd"

    def encode(self, text: str) -> Ids:
        """Return ids, shape (bytes,). Lone surrogates become U+FFFD."""
        data = SURROGATES.sub(self.replacement, text).encode()
        return np.frombuffer(data, np.uint8).astype(np.int64)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ``ids``, with U+FFFD for invalid UTF-8."""
        return bytes(map(int, ids)).decode("utf-8", "replace")

    def decoder(self, remainder: bytes = b"") -> Decoder:
        """Return an incremental UTF-8 decoder."""
        return BytesDecoder(SINGLE_BYTES, remainder)

    def unknown_characters(self, text: str) -> list[str]:
        """Return the distinct lone surrogates in ``text``. All characters are known."""
        return list(dict.fromkeys(SURROGATES.findall(text)))

    def header(self) -> dict[str, object]:
        """Return the kind for a model file."""
        return {"kind": self.kind}


def from_header(header: object) -> Tokenizer:
    """Return the tokenizer that a model file's header describes. Raises ModelError if it describes none."""
    match header:
        case {"kind": "byte"}:
            return ByteTokenizer()
        case {"kind": "char", "characters": [*characters], **rest} if _are_characters(characters):
            return CharTokenizer(characters, rest.get("stand_in") is True and {*characters} > {STAND_IN})
        case {"kind": "bpe", "merges": [*merges]}:
            return from_merges(merges)
        case {"kind": "word", "words": [*words]}:
            return from_words(words)
    raise ModelError("its tokenizer is of a kind unknown to this version")


def _are_characters(items: list[object]) -> TypeGuard[list[str]]:
    """Return True if ``items`` are distinct characters, at least one."""
    valid = {c for c in items if isinstance(c, str) and len(c) == 1 and not SURROGATES.match(c)}
    return len(items) == len(valid) > 0
