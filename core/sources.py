"""Where texts come from: files, folders, globs and standard input, as bytes with a name."""

from __future__ import annotations

import glob
import gzip
import hashlib
import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import TextError
from .paths import reason

STDIN = "-"

SUFFIXES = (".txt", ".text", ".md", ".jsonl", ".csv", ".tsv")
"""What is taken from a folder, each also with ``.gz`` behind it. A file that is named itself may be called anything."""


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes of one file as they lie on disk."""

    name: str
    data: bytes

    @property
    def sha256(self) -> str:
        """The hash of the bytes."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def kind(self) -> str:
        """The suffix in lower case, ``.gz`` apart."""
        return Path(self.name.lower().removesuffix(".gz")).suffix

    def unpacked(self) -> bytes:
        """The text's bytes; raises TextError where a .gz is damaged."""
        if not self.name.lower().endswith(".gz"):
            return self.data
        try:
            return gzip.decompress(self.data)
        except (OSError, EOFError, zlib.error):
            raise TextError(f"{self.name} is not a whole gzip file; download or pack it again") from None


def found(paths: Sequence[str]) -> list[Source]:
    """Everything that ``paths`` name, in their order, a folder's files by name. Raises TextError."""
    return [stdin_source() if path == STDIN else read_source(path) for word in paths for path in files(word)]


def files(word: str) -> Iterator[str | Path]:
    """The paths that one word stands for: itself, what is in a folder, or what a glob matches. Raises TextError."""
    path = Path(word)
    if word == STDIN:
        yield word
    elif path.is_dir():
        inside = sorted(p for p in path.rglob("*") if _is_text(p.relative_to(path)) and p.is_file())
        if not inside:
            raise TextError(f"there is no text in the folder {path}: it would have to end in {', '.join(SUFFIXES)}")
        yield from inside
    elif path.exists() or not glob.has_magic(word):
        yield path
    else:
        # pathlib's own glob takes no absolute pattern.
        matched = sorted(p for p in glob.iglob(word, recursive=True) if Path(p).is_file())  # noqa: PTH207
        if not matched:
            raise TextError(f"no file matches {word}")
        yield from map(Path, matched)


def read_source(path: str | Path) -> Source:
    """A file's bytes; raises TextError in one line, also where it changes while it is read."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            data = file.read()
            after = os.fstat(file.fileno())
    except FileNotFoundError:
        raise TextError(f"there is no file {path}") from None
    except IsADirectoryError:
        raise TextError(f"{path} is a folder; name a text file") from None
    except OSError as error:
        raise TextError(f"cannot read {path}: {reason(error)}") from error
    except ValueError:
        raise TextError(f"{str(path)!r} cannot be the path of a file") from None
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise TextError(f"{path} changed while it was read; try again when nothing writes to it")
    return Source(path.name, data)


def stdin_source() -> Source:
    """What is piped in; raises TextError where nothing is."""
    if sys.stdin is None or sys.stdin.isatty():
        raise TextError("nothing comes from standard input; name a file, or pipe a text in: cat *.txt | afterglow …")
    return Source("standard input", sys.stdin.buffer.read())


def _is_text(path: Path) -> bool:
    name = path.name.lower()
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and name.removesuffix(".gz").endswith(SUFFIXES)
