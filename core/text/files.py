"""Find texts in files, folders, globs and standard input, and read their bytes in blocks."""

from __future__ import annotations

import contextlib
import glob
import gzip
import hashlib
import io
import os
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path, PurePath
from typing import BinaryIO

from ..errors import TextError, error_text
from ..file_io import open_or_error

STDIN = "-"

TEXT_SUFFIXES = (
    *(".txt", ".text", ".md", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".mbox"),
    *(".html", ".htm", ".xhtml", ".epub", ".docx", ".zip", ".pdf", ".rtf"),
)
"""Extensions of the texts in a folder, with or without ``.gz`` after them. A file given by itself can have any name.

PDF and RTF are named among them although they are not read, so that it is said.
"""

_TWEETS = re.compile(r"tweets?(-part\d+)?\.js")

BLOCK_BYTES = 1 << 20
"""Bytes read at a time, so that memory use does not grow with the file."""


class Source:
    """The bytes of a file or of standard input, with a name. They can be read repeatedly.

    Reading raises TextError if it fails, or if the file has changed since it was first opened.
    """

    def __init__(self, name: str, path: Path | None = None, data: bytes = b"") -> None:
        self.name = name
        self._path = path
        self._data = data
        self._first_stamp: tuple[int, int] | None = None

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the bytes as they are on disk."""
        return _hash_blocks(self.raw_blocks())

    @cached_property
    def text_sha256(self) -> str:
        """SHA-256 of the decompressed bytes: equal for a text and its .gz."""
        return _hash_blocks(self.text_blocks()) if self._is_gzip else self.sha256

    @property
    def suffix(self) -> str:
        """File name extension without ``.gz``, in lower case: ".txt"."""
        return Path(self.name.lower().removesuffix(".gz")).suffix

    @property
    def folder(self) -> str:
        """Name of the folder that the file is in; "" for standard input."""
        return "" if self._path is None else self._path.absolute().parent.name

    def raw_blocks(self) -> Iterator[bytes]:
        """Yield the bytes as they are on disk."""
        with self.open() as file:
            while block := file.read(BLOCK_BYTES):
                yield block

    def text_blocks(self) -> Iterator[bytes]:
        """Yield the bytes, decompressed if the name ends in ``.gz``."""
        if not self._is_gzip:
            yield from self.raw_blocks()
            return
        with self.open() as file, gzip.GzipFile(fileobj=file) as unpacked:
            try:
                while block := unpacked.read(BLOCK_BYTES):
                    yield block
            except (OSError, EOFError, zlib.error):
                raise TextError(f"{self.name} is not a complete gzip file; download or compress it again") from None

    @property
    def _is_gzip(self) -> bool:
        return self.name.lower().endswith(".gz")

    @contextlib.contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the bytes, as they are on disk, for reading and seeking.

        At the end, raise TextError if the file has changed since it was first opened.
        """
        if self._path is None:
            yield io.BytesIO(self._data)
            return
        with open_or_error(self._path, TextError, "text file") as file:
            self._first_stamp = self._first_stamp or _file_stamp(file)
            yield file
            if _file_stamp(file) != self._first_stamp:
                raise TextError(f"{self._path} changed while it was read; try again when no program writes to it")


def open_sources(paths: Sequence[str]) -> list[Source]:
    """Return a source for each file that ``paths`` name, in order. Files of a folder or glob are sorted by path.

    Raises TextError.
    """
    return [
        stdin_source() if path == STDIN else file_source(path) for pattern in paths for path in expand_paths(pattern)
    ]


def expand_paths(pattern: str) -> Iterator[str | Path]:
    """Yield the paths that ``pattern`` names: itself, the texts in a folder, or the matches of a glob.

    Yields "-" for standard input. Raises TextError.
    """
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
        yield from _find_in_folder(path)
    elif path.exists() or not glob.has_magic(pattern):
        yield path
    else:
        yield from _find_matches(pattern)


def _find_in_folder(folder: Path) -> list[Path]:
    paths = sorted(p for p in folder.rglob("*") if is_text_name(p.relative_to(folder)) and p.is_file())
    if not paths:
        raise TextError(f"there is no text in the folder {folder}; names of texts end in {', '.join(TEXT_SUFFIXES)}")
    return paths


def _find_matches(pattern: str) -> list[Path]:
    # Path.glob does not accept absolute patterns.
    paths = sorted(p for p in glob.iglob(pattern, recursive=True) if Path(p).is_file())  # noqa: PTH207
    if not paths:
        raise TextError(f"no file matches {pattern}")
    return [Path(path) for path in paths]


def file_source(path: str | Path) -> Source:
    """Return the source of a file. The file is not opened yet."""
    name = os.fsencode(Path(path).name).decode("utf-8", "replace")  # file names may be invalid UTF-8
    return Source(name, Path(path))


def stdin_source() -> Source:
    """Return standard input, read to its end, as a source. Raises TextError if it is a terminal."""
    return Source("standard input", data=b"".join(stdin_blocks()))


def stdin_blocks() -> Iterator[bytes]:
    """Yield standard input in blocks as they arrive. Raises TextError if it is a terminal."""
    if sys.stdin is None or sys.stdin.isatty():
        raise TextError("no text on standard input; name a file, or pipe a text: cat *.txt | afterglow …")
    while block := sys.stdin.buffer.read(BLOCK_BYTES):
        yield block


def _hash_blocks(blocks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()


def _file_stamp(file: BinaryIO) -> tuple[int, int]:
    """Return (size in bytes, modification time in nanoseconds)."""
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def is_text_name(path: PurePath) -> bool:
    """Return True if a file of a folder or an archive is a text by its name, and not hidden.

    The files that name the channels in Discord's data package are left out.
    """
    name = path.name.lower()
    is_hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    is_text = name.removesuffix(".gz").endswith(TEXT_SUFFIXES) or _TWEETS.fullmatch(name)
    return not is_hidden and bool(is_text) and not re.search(r"(?:^|/)c?\d+/channel\.json$", path.as_posix())
