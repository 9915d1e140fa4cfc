"""Ids to text one at a time: bytes are held back until they are whole characters."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


class Decoder(Protocol):
    """Turns ids into text one at a time, holding back what is not a whole character yet."""

    def push(self, token: int) -> str:
        """The text that ``token`` completes; "" while a character is unfinished."""
        ...

    def flush(self) -> str:
        """What is still held back, made readable: U+FFFD for a character that never got whole."""
        ...

    @property
    def remainder(self) -> bytes:
        """The unfinished bytes; hand them to ``Tokenizer.decoder`` to go on from here."""
        ...


class BytesDecoder:
    """An incremental UTF-8 decoder of tokens that stand for bytes: ``table`` holds those of each id."""

    def __init__(self, table: Sequence[bytes], remainder: bytes = b"") -> None:
        self._table = table
        self._codec = codecs.getincrementaldecoder("utf-8")("replace")
        self._codec.setstate((remainder, 0))

    @property
    def remainder(self) -> bytes:
        """The bytes of a character that has only begun."""
        return self._codec.getstate()[0]

    def push(self, token: int) -> str:
        """The characters that are whole with this token."""
        return self._codec.decode(self._table[token])

    def flush(self) -> str:
        """U+FFFD where a character has only begun."""
        return self._codec.decode(b"", final=True)
