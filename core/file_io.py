"""Open, protect and replace files. Every failure raises an error with a one-line message."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import IO

from .errors import AfterglowError, StorageError, error_text
from .file_locks import try_lock
from .paths import default_data_dir

TEMPORARY_SUFFIX = ".afterglow"
"""Suffix of the hidden files that become a file when they are complete."""

MAX_NAME = 40
"""Characters of a file's name that begin the name of its temporary file."""

MIN_ABANDONED_AGE = 60.0
"""Seconds after its last write before a temporary file that no process has locked is deleted."""


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


def private_folder(folder: Path) -> Path:
    """Create ``folder``, and folders above it, if missing, for their owner only (mode 0700). Return ``folder``.

    Existing folders keep their modes, except the default data folder: it holds models and runs that earlier releases
    let others read. Raises StorageError.
    """
    try:
        for each in reversed((folder, *folder.parents)):
            if not each.exists():
                each.mkdir(mode=0o700, exist_ok=True)
                _sync_folder(each.parent)
        ours = default_data_dir()
        if ours and folder.is_relative_to(ours) and ours.stat().st_mode & 0o077:
            ours.chmod(0o700)
    except OSError as error:
        raise StorageError(f"cannot write to {folder}: {error_text(error)}") from error
    return folder


def private_file(path: Path) -> Path:
    """Create ``path`` if it is missing and let only its owner read it (mode 0600). Return ``path``.

    Raises StorageError.
    """
    private_folder(path.parent)
    try:
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error_text(error)}") from error
    return path


def write_atomically(path: Path, data: bytes) -> None:
    """Replace ``path`` with ``data``, as ``atomic_writer`` does."""
    with atomic_writer(path) as file:
        file.write(data)


@contextlib.contextmanager
def atomic_writer(path: Path) -> Iterator[IO[bytes]]:
    """Yield a temporary file that replaces ``path`` when the block ends. Only its owner can read it (mode 0600).

    Missing folders are made private, and temporary files that killed processes have left in the folder are deleted.
    If writing fails, raises StorageError. After an exception the old file is unchanged, unless its message says else.
    """
    private_folder(path.parent)
    remove_abandoned(path.parent)
    with replace_file(path, 0o600) as file:
        yield file


@contextlib.contextmanager
def replace_file(path: Path, mode: int | None) -> Iterator[IO[bytes]]:
    """Yield a temporary file that replaces ``path`` when the block ends, with ``mode``; None follows the umask.

    The folder must exist. Raises the errors of ``atomic_writer``.
    """
    temporary = path.with_name(f".{path.name[:MAX_NAME]}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")
    opener = partial(os.open, mode=0o666 if mode is None else mode)
    try:
        with open(temporary, "xb", opener=opener) as file:
            with contextlib.suppress(OSError):  # a file system without locks
                try_lock(file)
            yield file
            file.flush()
            os.fsync(file.fileno())
            if mode is not None:
                temporary.chmod(mode)
            if sys.platform == "win32":
                file.close()  # an open file cannot be renamed there
            temporary.replace(path)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error_text(error)}; the old file, if any, is unchanged") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    try:
        _sync_folder(path.parent)
    except OSError as error:
        raise StorageError(f"{path} is written, but a power cut may undo that: {error_text(error)}") from error


def remove_abandoned(folder: Path, name: str = "") -> None:
    """Delete the temporary files in ``folder`` that no running process is writing: those of ``name``, "" for all.

    Failures are ignored. A file younger than ``MIN_ABANDONED_AGE`` stays: its writer may be about to lock it.
    """
    with contextlib.suppress(OSError):
        for path in folder.glob(f".*{TEMPORARY_SUFFIX}"):
            with contextlib.suppress(OSError):
                is_old = time.time() - path.stat().st_mtime > MIN_ABANDONED_AGE
                if path.name.startswith(f".{name[:MAX_NAME]}") and is_old and not _is_locked(path):
                    path.unlink()


def require_writable(folder: Path) -> None:
    """Create ``folder`` if it is missing. Raise StorageError unless a file can be created in it."""
    private_folder(folder)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StorageError(f"cannot write to {folder}: {error_text(error)}") from error


def _is_locked(path: Path) -> bool:
    with path.open("rb") as file:
        return not try_lock(file)


def _sync_folder(folder: Path) -> None:
    """Write new names in ``folder`` to the disk, so that they outlast a power cut. Does nothing on Windows."""
    if sys.platform == "win32":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # files can be made in it, but not listed
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # not every file system can
            raise
    finally:
        os.close(handle)
