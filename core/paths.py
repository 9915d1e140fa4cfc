"""Where afterglow keeps things on this machine, and the one way in which it writes them."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import platformdirs

from .errors import StorageError

_APP = "afterglow"


def data_dir() -> Path:
    """The user's data folder; the environment variable AFTERGLOW_HOME moves it (and the configuration with it)."""
    home = os.environ.get("AFTERGLOW_HOME")
    return Path(home) if home else platformdirs.user_data_path(_APP, appauthor=False)


def models_dir() -> Path:
    """Where trained models go."""
    return data_dir() / "models"


def runs_dir() -> Path:
    """Where training runs that are not finished keep what going on needs."""
    return data_dir() / "runs"


def cache_dir() -> Path:
    """What can be made again at any time: texts as training reads them."""
    return data_dir() / "cache"


def passages_dir() -> Path:
    """Where saved passages go."""
    return data_dir() / "passages"


def passage_db_file() -> Path:
    """Where every passage is autosaved, SQLite."""
    return data_dir() / "passages.sqlite"


def presets_file() -> Path:
    """The user's presets, JSON."""
    return data_dir() / "presets.json"


def theme_file() -> Path:
    """The name of the full screen's theme."""
    return data_dir() / "theme"


def history_file() -> Path:
    """What was typed in the line REPL."""
    return data_dir() / "history"


def log_file() -> Path:
    """Where a full-screen face writes the traceback of a bug."""
    return data_dir() / "afterglow.log"


def config_file() -> Path:
    """The user's settings, TOML."""
    home = os.environ.get("AFTERGLOW_HOME")
    folder = Path(home) if home else platformdirs.user_config_path(_APP, appauthor=False)
    return folder / "config.toml"


def private_file(path: Path) -> Path:
    """Make sure that ``path`` exists and that only its owner may read it (0600 where the system knows modes)."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error_text(error)}") from error
    return path


def write_atomically(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write all of ``data`` to ``path`` or leave what stood there untouched.

    Raises StorageError where there is no permission or no space.
    """
    with atomic_writer(path, mode) as file:
        file.write(data)


@contextlib.contextmanager
def atomic_writer(path: Path, mode: int = 0o644) -> Iterator[IO[bytes]]:
    """A file to write to that becomes ``path`` at the end, whole; what stood there is untouched where that fails.

    Raises StorageError where there is no permission or no space.
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
        raise StorageError(f"cannot write {path}: {error_text(error)}; what was there before is untouched") from error
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                Path(temporary).unlink(missing_ok=True)


def require_writable(folder: Path) -> None:
    """Make ``folder`` and try it out; raises StorageError where nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StorageError(f"cannot write to {folder}: {error_text(error)}") from error


def error_text(error: OSError) -> str:
    """The system's own words for what went wrong, in lower case: "no space left on device"."""
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]
