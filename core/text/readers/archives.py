"""Zip archives, bounded: as many files and as many bytes as an archive of texts has."""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Iterator

from ...errors import TextError
from .text_document import TextDocument

MAX_MEMBERS = 20_000
"""Most files of an archive. Discord's data package has one or two for each channel."""

MAX_MEMBER_BYTES = 1 << 28
"""Largest file in bytes that is read of an archive, 256 MiB."""

MAX_PAGE_BYTES = 1 << 25
"""Largest file in bytes with mark-up, 32 MiB. A tree of its elements takes ten times as much."""

_BOUNDED_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Methods of which zipfile unpacks as much as is asked for, and no more."""

_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    KeyError,
)
"""Errors of the zipfile module for archives that are damaged, encrypted or compressed in another way."""


@contextlib.contextmanager
def bounded_zip(document: TextDocument) -> Iterator[zipfile.ZipFile]:
    """Open an archive. Raises TextError if it is damaged or has too many files. Nothing is unpacked to the disk."""
    with document.source.open() as file:
        try:
            archive = zipfile.ZipFile(file)
        except _UNREADABLE:
            raise TextError(f"{document.name} is not a whole zip archive; download it again") from None
        with archive:
            if len(archive.infolist()) > MAX_MEMBERS:
                raise TextError(
                    f"{document.name} has more than {MAX_MEMBERS:,} files; unpack it and name those to read"
                )
            yield archive


def require_small(archive: zipfile.ZipFile, shown: str) -> None:
    """Raise TextError if all files of an archive together are larger than ``MAX_MEMBER_BYTES``, or one with mark-up."""
    members = archive.infolist()
    pages = sum(member.file_size for member in members if member.filename.endswith((".xml", ".rels")))
    if sum(member.file_size for member in members) > MAX_MEMBER_BYTES or pages > MAX_PAGE_BYTES:
        raise TextError(f"{shown} unpacks to more than {MAX_MEMBER_BYTES >> 20} MiB")


def read_member(archive: zipfile.ZipFile, name: str, shown: str, max_bytes: int = MAX_MEMBER_BYTES) -> bytes:
    """Return the bytes of a file in an archive. Raises TextError; ``shown`` names the archive."""
    try:
        member = archive.getinfo(name)
        if member.file_size <= max_bytes and member.compress_type in _BOUNDED_METHODS:
            with archive.open(member) as file:  # gives no more bytes than the archive says
                return file.read(member.file_size)
    except _UNREADABLE:
        raise TextError(f"{name!r} in {shown} cannot be read: the archive is damaged or encrypted") from None
    raise TextError(f"{name!r} in {shown} is too large, or compressed in a way that is not read; unpack it")


def read_member_head(archive: zipfile.ZipFile, name: str, size: int) -> bytes:
    """Return the first ``size`` bytes of a file in an archive, none if it cannot be read."""
    try:
        member = archive.getinfo(name)
        if member.compress_type not in _BOUNDED_METHODS:
            return b""
        with archive.open(member) as file:
            return file.read(size)
    except _UNREADABLE:
        return b""
