"""Write files at paths that the user gave."""

from __future__ import annotations

from pathlib import Path

from .errors import StorageError, error_text
from .file_io import replace_file


def write_user_file(path: Path, data: bytes) -> None:
    """Replace ``path`` with ``data``. Missing folders are made; the modes follow the umask. Raises StorageError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error_text(error)}") from error
    with replace_file(path, None) as file:
        file.write(data)
