"""The folders and files that afterglow uses on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

_APP = "afterglow"


def data_dir() -> Path:
    """The user's data folder. The environment variable AFTERGLOW_HOME replaces it and the configuration folder."""
    return _home() or platformdirs.user_data_path(_APP, appauthor=False)


def default_data_dir() -> Path | None:
    """The data folder if it is the default one, which only afterglow uses; None if AFTERGLOW_HOME names another."""
    return None if _home() else data_dir()


def models_dir() -> Path:
    """Folder of the models that the user trained."""
    return data_dir() / "models"


def runs_dir() -> Path:
    """Folder of unfinished training runs, each with what ``--resume`` needs."""
    return data_dir() / "runs"


def cache_dir() -> Path:
    """Folder of cleaned and tokenized training texts. Deleted files are rebuilt when needed."""
    return data_dir() / "cache"


def passages_dir() -> Path:
    """Folder of passages saved as JSON."""
    return data_dir() / "passages"


def passage_db_file() -> Path:
    """SQLite database of autosaved passages."""
    return data_dir() / "passages.sqlite"


def presets_file() -> Path:
    """The user's presets, JSON."""
    return data_dir() / "presets.json"


def lock_file(name: str) -> Path:
    """File whose lock a process holds while it changes what ``name`` names."""
    return data_dir() / "locks" / f"{name}.lock"


def theme_file() -> Path:
    """Text file with the name of the full screen's theme."""
    return data_dir() / "theme"


def history_file() -> Path:
    """Lines typed in the line REPL and in the full screen."""
    return data_dir() / "history"


def log_file() -> Path:
    """Tracebacks of unexpected errors of the full screen."""
    return data_dir() / "afterglow.log"


def config_file() -> Path:
    """The user's settings, TOML."""
    return (_home() or platformdirs.user_config_path(_APP, appauthor=False)) / "config.toml"


def _home() -> Path | None:
    """Return the folder that AFTERGLOW_HOME names, None if it is not set."""
    home = os.environ.get("AFTERGLOW_HOME")
    return Path(home) if home else None
