"""Open, protect and replace files. Every failure raises an error with a one-line message."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import IO

from .errors import AfterglowError, StorageError, error_text


@contextlib.contextmanager
def open_or_error(path: Path, error_class: type[AfterglowError], kind: str) -> Iterator[BufferedReader]:
    """Open ``path`` for reading bytes; raise ``error_class`` if opening or reading it fails.

    ``kind`` names what the file should be, for example "model file".
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise error_class(f"there is no {kind} {path}") from None
    except IsADirectoryError:
        raise error_class(f"{path} is a folder, not a {kind}") from None
    except OSError as error:
        raise error_class(f"cannot read {path}: {error_text(error)}") from error
    except ValueError:
        raise error_class(f"{str(path)!r} cannot be the path of a file") from None
    with file:
        try:
            yield file
        except OSError as error:
            raise error_class(f"cannot read {path}: {error_text(error)}") from error


def private_file(path: Path) -> Path:
    """Create ``path`` if it is missing and let only its owner read it (mode 0600). Return ``path``.

    Raises StorageError.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error_text(error)}") from error
    return path


def write_atomically(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace ``path`` with ``data``. If that fails, raise StorageError; the old file is then unchanged."""
    with atomic_writer(path, mode) as file:
        file.write(data)


@contextlib.contextmanager
def atomic_writer(path: Path, mode: int = 0o644) -> Iterator[IO[bytes]]:
    """Yield a temporary file that replaces ``path`` when the block ends. ``mode`` is the permissions of the new file.

    If writing fails, raises StorageError. After any exception the old file is unchanged.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error_text(error)}; the old file, if any, is unchanged") from error
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                Path(temporary).unlink(missing_ok=True)


def require_writable(folder: Path) -> None:
    """Create ``folder`` if it is missing. Raise StorageError unless a file can be created in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StorageError(f"cannot write to {folder}: {error_text(error)}") from error
