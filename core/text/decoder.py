"""Decode token ids to text one at a time. Bytes are held back until they form a whole character."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


class Decoder(Protocol):
    """An incremental decoder of token ids."""

    def push(self, token: int) -> str:
        """Return the text that ``token`` completes; "" while a character is unfinished."""
        ...

    def flush(self) -> str:
        """End the text. Return U+FFFD if a character is unfinished, else ""."""
        ...

    @property
    def remainder(self) -> bytes:
        """Bytes of the unfinished character. ``Tokenizer.decoder(remainder)`` continues from here."""
        ...


class BytesDecoder:
    """An incremental UTF-8 decoder. ``table[id]`` is the bytes of the token ``id``."""

    def __init__(self, table: Sequence[bytes], remainder: bytes = b"") -> None:
        self._table = table
        self._codec = codecs.getincrementaldecoder("utf-8")("replace")
        self._codec.setstate((remainder, 0))

    @property
    def remainder(self) -> bytes:
        """Bytes of the unfinished character."""
        return self._codec.getstate()[0]

    def push(self, token: int) -> str:
        """Return the characters that ``token`` completes."""
        return self._codec.decode(self._table[token])

    def flush(self) -> str:
        """Return U+FFFD if a character is unfinished, else ""."""
        return self._codec.decode(b"", final=True)
