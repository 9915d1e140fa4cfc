"""Room on the disk for what a run will save, tried before it starts."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from ..errors import StorageError, error_text
from ..file_io import private_folder

_CANNOT_RESERVE = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


def require_space(folder: Path, sizes: Sequence[int]) -> None:
    """Raise StorageError unless files of these sizes, in bytes, fit into ``folder`` together. None of them stays."""
    private_folder(folder)
    try:
        _require_free(folder, sum(sizes))
        with ExitStack() as files:
            for size in sizes:
                _reserve(files.enter_context(tempfile.TemporaryFile(dir=folder)).fileno(), size)
    except OSError as error:
        megabytes = sum(sizes) / 1e6
        raise StorageError(
            f"training needs {megabytes:,.1f} MB in {folder}: {error_text(error)}; make room, or set AFTERGLOW_HOME to"
            " another folder"
        ) from error


def _require_free(folder: Path, size: int) -> None:
    """Raise OSError if the disk of ``folder`` has less than ``size`` bytes free.

    Without it an attempt to reserve too much could fill the disk for a moment, and other programs would fail.
    """
    if shutil.disk_usage(folder).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _reserve(handle: int, size: int) -> None:
    """Take ``size`` bytes of the disk for an open file, where the system can. Raises OSError, also for a quota."""
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(handle, 0, size)
        except OSError as error:
            if error.errno not in _CANNOT_RESERVE:
                raise
