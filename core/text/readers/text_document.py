"""A file that is read: its bytes, its beginning, and its text."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TypeVar

from ...errors import TextError
from ..encoding import decode_beginning, read_plain
from ..files import Source

Piece = TypeVar("Piece", bytes, str)

HEAD_BYTES = 1 << 16
"""Bytes by which a format is recognized."""

MAX_WHOLE_BYTES = 1 << 28
"""Largest file in bytes of a format that is read at once, 256 MiB. Lines and tables are read in pieces instead."""


class TextDocument:
    """A file with the encoding that the user named. ``notes`` takes a line for each remark on it."""

    def __init__(self, source: Source, encoding: str, notes: list[str]) -> None:
        self.source = source
        self.encoding = encoding
        self.notes = notes

    @property
    def name(self) -> str:
        """Name of the file, for messages."""
        return self.source.name

    @property
    def suffix(self) -> str:
        """Extension of the file's name without ``.gz``, in lower case."""
        return self.source.suffix

    @cached_property
    def head(self) -> bytes:
        """The first bytes, decompressed."""
        head = b""
        for block in self.source.text_blocks():
            head += block
            if len(head) >= HEAD_BYTES:
                break
        return head[:HEAD_BYTES]

    @cached_property
    def beginning(self) -> str:
        """The first bytes as text, whatever they are, with \\n at every line end."""
        return decode_beginning(self.head, self.encoding)

    def text(self) -> Iterator[str]:
        """Yield the text in chunks of any size, with \\n at every line end. Raises TextError."""
        return read_plain(self.source, self.encoding, self.notes)

    def load(self, max_bytes: int = MAX_WHOLE_BYTES) -> bytes:
        """Return all bytes. Raises TextError if there are more than ``max_bytes``."""
        return b"".join(self._take(self.source.text_blocks(), max_bytes))

    def load_text(self) -> str:
        """Return all of the text. Raises TextError if it has more than ``MAX_WHOLE_BYTES`` characters."""
        return "".join(self._take(self.text(), MAX_WHOLE_BYTES))

    def _take(self, pieces: Iterator[Piece], max_size: int) -> Iterator[Piece]:
        size = 0
        for piece in pieces:
            size += len(piece)
            if size > max_size:
                raise TextError(f"{self.name} is larger than {max_size >> 20} MiB; split it into smaller files")
            yield piece
