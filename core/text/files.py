"""Find texts in files, folders, globs and standard input, and read their bytes in blocks."""

from __future__ import annotations

import contextlib
import glob
import gzip
import hashlib
import io
import os
import re
import stat
import sys
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path, PurePath
from typing import BinaryIO

from ..errors import TextError, error_text
from ..file_io import open_or_error

STDIN = "-"

_OPEN_FILE = re.compile("/dev/stdin$|/dev/fd/|/proc/[^/]+/fd/")
"""Names of the files that a process has open. They mean other files, or none, in another process."""

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

    @property
    def path(self) -> str:
        """The path of the file as it was given or found, or the name of what is none."""
        return self.name if self._path is None else os.fsencode(self._path).decode("utf-8", "replace")

    @property
    def exists(self) -> bool:
        """False if there is no such file or folder."""
        return self._path is None or self._path.exists()

    def path_end(self, count: int) -> str:
        """Return the last ``count`` parts of the path, or all of it."""
        return "/".join(Path(self.path).parts[-count:])

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the bytes as they are on disk."""
        return _hash_blocks(self.raw_blocks())

    def find_sha256(self) -> str:
        """Return ``sha256``, or "" if the file cannot be read."""
        try:
            return self.sha256
        except TextError:
            return ""

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
    sources = [open_source(path) for pattern in paths for path in expand_paths(pattern)]
    _name_apart(sources)
    return sources


def open_source(path: str | Path) -> Source:
    """Return the source of a file, of a stream, which is read to its end, or of "-". Raises TextError."""
    if not is_stream(path):
        return file_source(path)
    name = "standard input" if path == STDIN else Path(path).name
    return Source(name, data=b"".join(stream_blocks(path)))


def _name_apart(sources: Sequence[Source]) -> None:
    """Put the names of folders before file names that several sources share, as many as tell them apart."""
    depth, same = 1, sources
    while True:
        counts, depth = Counter(source.name for source in same), depth + 1
        same = [source for source in same if counts[source.name] > 1]
        longer = [source.path_end(depth) for source in same]
        if longer == [source.name for source in same]:
            return
        for source, name in zip(same, longer, strict=True):
            source.name = name


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
    path = Path(pattern)
    typed = set(path.parts)
    path = path / "*" if path.name == "**" else path  # ** alone is folders for Path.glob
    try:  # unlike glob.glob, Path.glob enters no links to folders for **, which may be loops
        found = list(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    except (ValueError, NotImplementedError):
        found = []
    paths = sorted(p for p in found if p.is_file() and not _has_hidden_part(set(p.parts) - typed))
    if not paths:
        raise TextError(f"no file matches {pattern}")
    return paths


def _has_hidden_part(parts: Iterable[str]) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in parts)


def file_source(path: str | Path) -> Source:
    """Return the source of a file. The file is not opened yet."""
    name = os.fsencode(Path(path).name).decode("utf-8", "replace")  # file names may be invalid UTF-8
    return Source(name, Path(path))


def is_stream(path: str | Path) -> bool:
    """Return True if ``path`` is "-", a pipe, or a name of an open file such as /dev/stdin: it can be read once.

    Raises TextError for a device.
    """
    if path == STDIN:
        return True
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError):
        return False  # opening it says what is wrong
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise TextError(f"{path} is a device or a terminal; name a file, a folder or a pipe")
    return stat.S_ISFIFO(mode) or bool(_OPEN_FILE.match(str(path)))


def stream_blocks(path: str | Path) -> Iterator[bytes]:
    """Yield what comes from a stream in blocks as they arrive. Raises TextError."""
    if path == STDIN:
        yield from stdin_blocks()
        return
    with open_or_error(Path(path), TextError, "text file") as file:
        while block := file.read(BLOCK_BYTES):
            yield block


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
    is_text = name.removesuffix(".gz").endswith(TEXT_SUFFIXES) or _TWEETS.fullmatch(name)
    return (
        not _has_hidden_part(path.parts)
        and bool(is_text)
        and not re.search(r"(?:^|/)c?\d+/channel\.json$", path.as_posix())
    )
