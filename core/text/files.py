"""Where texts come from: files, folders, globs and standard input, as blocks of bytes with a name."""

from __future__ import annotations

import contextlib
import glob
import gzip
import hashlib
import io
import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from ..errors import TextError, error_text
from ..file_io import open_or_error

STDIN = "-"

TEXT_SUFFIXES = (".txt", ".text", ".md", ".jsonl", ".csv", ".tsv")
"""What is taken from a folder, each also with ``.gz`` behind it. A file that is named itself may be called anything."""

BLOCK = 1 << 20
"""Bytes that are read at a time: memory does not grow with the file."""


class Source:
    """Bytes with a name, read as often as one likes; a file has to stay what it was when it was first opened.

    Everything that reads raises TextError in one line.
    """

    def __init__(self, name: str, path: Path | None = None, data: bytes = b"") -> None:
        self.name, self._path, self._data = name, path, data
        self._first_stamp: tuple[int, int] | None = None

    @cached_property
    def sha256(self) -> str:
        """The hash of the bytes as they lie on disk."""
        digest = hashlib.sha256()
        for block in self.raw_blocks():
            digest.update(block)
        return digest.hexdigest()

    @cached_property
    def text_sha256(self) -> str:
        """The hash of the bytes unpacked: the same for a text and for a .gz of it."""
        if not self._is_gzip:
            return self.sha256
        digest = hashlib.sha256()
        for block in self.text_blocks():
            digest.update(block)
        return digest.hexdigest()

    @property
    def suffix(self) -> str:
        """The suffix in lower case, ``.gz`` apart."""
        return Path(self.name.lower().removesuffix(".gz")).suffix

    def raw_blocks(self) -> Iterator[bytes]:
        """The bytes as they lie on disk."""
        with self._open() as file:
            while block := file.read(BLOCK):
                yield block

    def text_blocks(self) -> Iterator[bytes]:
        """The text's bytes; raises TextError where a .gz is damaged."""
        if not self._is_gzip:
            yield from self.raw_blocks()
            return
        with self._open() as file, gzip.GzipFile(fileobj=file) as packed:
            try:
                while block := packed.read(BLOCK):
                    yield block
            except (OSError, EOFError, zlib.error):
                raise TextError(f"{self.name} is not a whole gzip file; download or pack it again") from None

    @property
    def _is_gzip(self) -> bool:
        return self.name.lower().endswith(".gz")

    @contextlib.contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        """Open the bytes. Raises TextError, at the end if the file changed since it was first opened."""
        if self._path is None:
            yield io.BytesIO(self._data)
            return
        with open_or_error(self._path, TextError, "text file") as file:
            self._first_stamp = self._first_stamp or _file_stamp(file)
            yield file
            if _file_stamp(file) != self._first_stamp:
                raise TextError(f"{self._path} changed while it was read; try again when nothing writes to it")


def open_sources(paths: Sequence[str]) -> list[Source]:
    """Everything that ``paths`` name, in their order, a folder's files by name. Raises TextError."""
    return [stdin_source() if path == STDIN else file_source(path) for word in paths for path in expand_paths(word)]


def expand_paths(pattern: str) -> Iterator[str | Path]:
    """The paths that one word stands for: itself, what is in a folder, or what a glob matches. Raises TextError."""
    try:
        yield from _expand(pattern)
    except OSError as error:
        raise TextError(f"cannot read {pattern}: {error_text(error)}") from error


def _expand(pattern: str) -> Iterator[str | Path]:
    path = Path(pattern)
    if not pattern:
        raise TextError("the path of a text is empty; name a file or a folder")
    if pattern == STDIN:
        yield pattern
    elif path.is_dir():
        inside = sorted(p for p in path.rglob("*") if _is_text(p.relative_to(path)) and p.is_file())
        if not inside:
            raise TextError(
                f"there is no text in the folder {path}: it would have to end in {', '.join(TEXT_SUFFIXES)}"
            )
        yield from inside
    elif path.exists() or not glob.has_magic(pattern):
        yield path
    else:
        # pathlib's own glob takes no absolute pattern.
        matched = sorted(p for p in glob.iglob(pattern, recursive=True) if Path(p).is_file())  # noqa: PTH207
        if not matched:
            raise TextError(f"no file matches {pattern}")
        yield from map(Path, matched)


def file_source(path: str | Path) -> Source:
    """A file; whether it can be read shows when it is."""
    name = os.fsencode(Path(path).name).decode("utf-8", "replace")  # a name of another encoding has no characters
    return Source(name, Path(path))


def stdin_source() -> Source:
    """What is piped in; raises TextError where nothing is."""
    return Source("standard input", data=b"".join(stdin_blocks()))


def stdin_blocks() -> Iterator[bytes]:
    """What is piped in, as it comes; raises TextError where nothing is."""
    if sys.stdin is None or sys.stdin.isatty():
        raise TextError("nothing comes from standard input; name a file, or pipe a text in: cat *.txt | afterglow …")
    while block := sys.stdin.buffer.read(BLOCK):
        yield block


def _file_stamp(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def _is_text(path: Path) -> bool:
    name = path.name.lower()
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and name.removesuffix(".gz").endswith(TEXT_SUFFIXES)
