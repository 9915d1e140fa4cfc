"""Write files at paths that the user gave: through links, with the modes that are there, and nothing by surprise."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

from .errors import StorageError, UsageError, error_text
from .file_io import remove_abandoned, replace_file


class FileStamp(NamedTuple):
    """One version of a file: its path without links, its inode, its size, and the time of its last change in ns."""

    path: Path
    inode: int
    size: int
    changed: int


_written: set[FileStamp] = set()
"""The files that this process has written."""


def require_new_or_ours(path: Path, advice: str) -> None:
    """Raise UsageError if there is a file, unless this process wrote it and it has not changed. Ends with ``advice``.

    Raises StorageError if the file cannot be replaced.
    """
    target, _ = _find_target(path)
    stamp = stamp_file(target)
    if stamp and stamp not in _written:
        raise UsageError(f"{path} exists already; {advice}")


def write_user_file(path: Path, data: bytes) -> None:
    """Replace ``path`` with ``data``. Missing folders are made. A new file follows the umask, another keeps its mode.

    If ``path`` is a symbolic link, its target is replaced. Raises StorageError, also if there is a device, a pipe or a
    read-only file.
    """
    target, mode = _find_target(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error_text(error)}") from error
    remove_abandoned(target.parent, target.name)
    with replace_file(target, mode) as file:
        file.write(data)
    stamp = stamp_file(target)
    if stamp:
        _written.add(stamp)


def stamp_file(path: Path) -> FileStamp | None:
    """Return the version of a file that is at ``path`` now, None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return FileStamp(path, status.st_ino, status.st_size, status.st_mtime_ns)


def _find_target(path: Path) -> tuple[Path, int | None]:
    """Return the path that is written to, and its permissions; None if there is no file. Raises StorageError."""
    try:
        target = Path(os.path.realpath(path))
        status = target.stat()
    except FileNotFoundError:
        return target, None
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error_text(error)}") from error
    except ValueError:
        raise UsageError(f"{str(path)!r} cannot be the path of a file") from None
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a device or a pipe"
        raise StorageError(f"cannot write {path}: it is {kind}; give the path of a file")
    if not status.st_mode & 0o222 or not os.access(target, os.W_OK):
        raise StorageError(f"cannot write {path}: it is read-only; give another path")
    return target, stat.S_IMODE(status.st_mode) & 0o777
