"""A text and its tokens on disk, read on demand.

Reads use ``pread``. A memory map would count as the process's own memory, which would grow by the whole file.
"""

from __future__ import annotations

import contextlib
import os
import sys
import weakref
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import StorageError, error_text
from ..text.chunks import TextLike, iter_chunks
from ..text.labels import NO_RUNS, LabelRuns, encode_runs, join_runs
from ..text.tokenizer import Tokenizer

INDEX_STRIDE = 1 << 16
"""Characters between two indexed positions of a text on disk."""


class DiskText:
    """A text in UTF-8, sliced like a str. ``starts`` holds the byte offset of every ``INDEX_STRIDE``-th character."""

    def __init__(self, path: Path, starts: list[int], characters: int) -> None:
        self.path = path
        self._file = _File(path)
        self._starts = [*starts, self._file.size]
        self._characters = characters

    def __len__(self) -> int:
        return self._characters

    def __getitem__(self, index: slice, /) -> str:
        start, stop, _ = index.indices(self._characters)
        if start >= stop:
            return ""
        first = start // INDEX_STRIDE
        last = -(-stop // INDEX_STRIDE)
        begin, end = self._starts[first], self._starts[last]
        text = self._file.read(begin, end - begin).decode("utf-8", "surrogatepass")
        return text[start - first * INDEX_STRIDE : stop - first * INDEX_STRIDE]

    @staticmethod
    def write(file: IO[bytes], text: Iterable[str]) -> tuple[list[int], int]:
        """Write a text that comes in chunks of any size. Returns ``starts`` and ``characters`` for the constructor."""
        starts, characters = list[int](), 0
        for chunk in _regroup(text):
            starts.append(file.tell())
            file.write(chunk.encode("utf-8", "surrogatepass"))
            characters += len(chunk)
        return starts, characters


class DiskTokens:
    """Token ids, sliced like an array. Every id takes as many bytes as the vocabulary's largest one needs.

    ``labels`` are the labels of the tokens.
    """

    def __init__(self, path: Path, vocabulary: int, labels: LabelRuns = NO_RUNS) -> None:
        self.labels = labels
        self._file = _File(path)
        self._dtype = np.dtype(_token_dtype(vocabulary))
        self._count = self._file.size // self._dtype.itemsize

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: slice, /) -> NDArray[np.integer]:
        start, stop, _ = index.indices(self._count)
        size = self._dtype.itemsize
        return np.frombuffer(self._file.read(start * size, max(0, stop - start) * size), self._dtype)

    @staticmethod
    def write(
        file: IO[bytes], text: TextLike, tokenizer: Tokenizer, labels: LabelRuns = NO_RUNS
    ) -> Generator[float, None, LabelRuns]:
        """Write the tokens of ``text``, chunk by chunk. No token crosses a chunk's end. Yields the share done.

        ``labels`` are those of the characters. Returns those of the tokens.
        """
        written, token_labels = 0, list[LabelRuns]()
        for chunk in iter_chunks(text):
            chunk_labels = labels.select([(written, written + len(chunk))])
            ids, runs = encode_runs(tokenizer, chunk, chunk_labels)
            file.write(ids.astype(_token_dtype(tokenizer.size)).tobytes())
            token_labels.append(runs)
            written += len(chunk)
            yield written / max(1, len(text))
        return join_runs(token_labels)


class _File:
    """A file that stays open as long as this object lives, even if it is deleted meanwhile.

    Opening and reading it raise StorageError.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._as_storage_error():
            self._handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            weakref.finalize(self, os.close, self._handle)
            self.size = os.fstat(self._handle).st_size

    def read(self, offset: int, count: int) -> bytes:
        data = b""
        with self._as_storage_error():
            while len(data) < count:  # one call returns at most 2 GB
                block = _read_at(self._handle, offset + len(data), count - len(data))
                if not block:
                    raise StorageError(f"{self._path} ends at byte {offset + len(data):,}; delete it and start again")
                data = data + block if data else block
        return data

    @contextlib.contextmanager
    def _as_storage_error(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(f"cannot read {self._path}: {error_text(error)}") from error


def _read_at(handle: int, offset: int, count: int) -> bytes:
    if sys.platform == "win32":
        os.lseek(handle, offset, os.SEEK_SET)
        return os.read(handle, count)
    return os.pread(handle, count, offset)


def _token_dtype(vocabulary: int) -> DTypeLike:
    return np.min_scalar_type(vocabulary - 1).newbyteorder("<")


def _regroup(text: Iterable[str]) -> Iterator[str]:
    """Yield the same text in chunks of ``INDEX_STRIDE`` characters, the last one shorter."""
    pending, size = list[str](), 0
    for chunk in text:
        pending.append(chunk)
        size += len(chunk)
        if size >= INDEX_STRIDE:
            joined = "".join(pending)
            end = size - size % INDEX_STRIDE
            yield from (joined[start : start + INDEX_STRIDE] for start in range(0, end, INDEX_STRIDE))
            pending, size = [joined[end:]], size - end
    if size:
        yield "".join(pending)
