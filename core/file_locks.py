"""Locks on files, which the kernel frees when the process that holds one ends, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .errors import LockHeldError, StorageError, error_text

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

POLL_INTERVAL = 0.02
"""Seconds between two attempts to get a lock that another process holds."""

_WINDOWS_LOCK_OFFSET = 1 << 30
"""Byte that is locked on Windows. Locked bytes cannot be read there, and the holder's number has to be."""


@contextlib.contextmanager
def hold_lock(path: Path, timeout: float = 0.0) -> Iterator[None]:
    """Hold the lock of the existing file ``path`` while the block runs. The file's text is the holder's process id.

    Waits up to ``timeout`` seconds for another holder, then raises LockHeldError. Raises StorageError if the file
    cannot be used. Children made by ``fork`` hold the lock too. On a file system without locks the block runs unlocked.
    """
    try:
        file = path.open("r+b", buffering=0)
    except OSError as error:
        raise StorageError(f"cannot use {path}: {error_text(error)}") from error
    with file:
        if not _wait_for_lock(file, timeout):
            raise LockHeldError(path, _read_holder(file))
        with contextlib.suppress(OSError):  # a full disk: the lock is held all the same
            file.seek(0)
            file.truncate()
            file.write(str(os.getpid()).encode())
        yield


def try_lock(file: IO[bytes]) -> bool:
    """Lock an open file until it is closed. Return False if another open file of it is locked.

    Raises OSError on a file system without locks.
    """
    try:
        if sys.platform == "win32":
            file.seek(_WINDOWS_LOCK_OFFSET)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True


def _wait_for_lock(file: IO[bytes], timeout: float) -> bool:
    """Lock an open file. Return False if another process still holds the lock after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    with contextlib.suppress(OSError):  # a file system without locks
        while not try_lock(file):
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_INTERVAL)
    return True


def _read_holder(file: IO[bytes]) -> int | None:
    """Return the process id in a lock file, None if there is none yet."""
    file.seek(0)
    digits = file.read(20)
    return int(digits) if digits.isdigit() else None
