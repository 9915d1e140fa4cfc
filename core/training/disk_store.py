"""A text and its tokens on disk, read where they are needed.

By ``pread`` into buffers of our own: the pages of a memory map count as the process's own memory, and it would grow by
the whole file.
"""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..text.chunks import TextLike, iter_chunks
from ..text.tokenizer import Tokenizer

INDEX_STRIDE = 1 << 16
"""Characters between two places of a stored text that are known in bytes."""


class DiskText:
    """A text in UTF-8, sliced like a str. ``starts``: at which byte every 65,536th character begins."""

    def __init__(self, path: Path, starts: list[int], characters: int) -> None:
        self.path, self._file = path, _File(path)
        self._starts, self._characters = [*starts, path.stat().st_size], characters

    def __len__(self) -> int:
        return self._characters

    def __getitem__(self, index: slice, /) -> str:
        start, stop, _ = index.indices(self._characters)
        if start >= stop:
            return ""
        first, last = start // INDEX_STRIDE, -(-stop // INDEX_STRIDE)
        begin, end = self._starts[first], self._starts[last]
        text = self._file.read(begin, end - begin).decode("utf-8", "surrogatepass")
        return text[start - first * INDEX_STRIDE : stop - first * INDEX_STRIDE]

    @staticmethod
    def write(file: IO[bytes], text: Iterable[str]) -> tuple[list[int], int]:
        """Write a text that comes in pieces of any size; what opening it again takes: starts and characters."""
        starts, characters = list[int](), 0
        for piece in _regroup(text):
            starts.append(file.tell())
            file.write(piece.encode("utf-8", "surrogatepass"))
            characters += len(piece)
        return starts, characters


class DiskTokens:
    """Token ids, sliced like an array, in as many bytes each as the largest id takes."""

    def __init__(self, path: Path, vocabulary: int) -> None:
        self._file, self._dtype = _File(path), np.dtype(_token_dtype(vocabulary))
        self._count = path.stat().st_size // self._dtype.itemsize

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: slice, /) -> NDArray[np.integer]:
        start, stop, _ = index.indices(self._count)
        size = self._dtype.itemsize
        return np.frombuffer(self._file.read(start * size, max(0, stop - start) * size), self._dtype)

    @staticmethod
    def write(file: IO[bytes], text: TextLike, tokenizer: Tokenizer) -> Iterator[float]:
        """Write the tokens of ``text``, stretch by stretch: no token reaches across two. Yields the share done."""
        written = 0
        for stretch in iter_chunks(text):
            file.write(tokenizer.encode(stretch).astype(_token_dtype(tokenizer.size)).tobytes())
            written += len(stretch)
            yield written / max(1, len(text))


class _File:
    """Open for as long as something looks at it, also when it has been deleted meanwhile."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        weakref.finalize(self, os.close, self._handle)

    def read(self, offset: int, count: int) -> bytes:
        read = b""
        while len(read) < count:  # one call gives 2 GB at most
            more = _read_at(self._handle, offset + len(read), count - len(read))
            if not more:
                raise EOFError(f"a file in the cache ends at {offset + len(read):,}")
            read = read + more if read else more
        return read


def _read_at(handle: int, offset: int, count: int) -> bytes:
    if sys.platform == "win32":
        os.lseek(handle, offset, os.SEEK_SET)
        return os.read(handle, count)
    return os.pread(handle, count, offset)


def _token_dtype(vocabulary: int) -> DTypeLike:
    return np.min_scalar_type(vocabulary - 1).newbyteorder("<")


def _regroup(text: Iterable[str]) -> Iterator[str]:
    """The same text in pieces of ``STRIDE`` characters, the last one shorter."""
    some, size = list[str](), 0
    for piece in text:
        some.append(piece)
        size += len(piece)
        if size >= INDEX_STRIDE:
            joined = "".join(some)
            whole = size - size % INDEX_STRIDE
            yield from (joined[at : at + INDEX_STRIDE] for at in range(0, whole, INDEX_STRIDE))
            some, size = [joined[whole:]], size - whole
    if size:
        yield "".join(some)
