"""Which models there are: those that come with afterglow, those in the user's data folder, or any path."""

from __future__ import annotations

import difflib
import importlib.resources
import re
from pathlib import Path
from typing import NamedTuple

from ..errors import ModelError, StorageError, UsageError
from ..paths import models_dir, reason

SUFFIX = ".safetensors"
DEFAULT_MODEL = "shakespeare"

BESIDE = (".history.jsonl", ".svg")
"""What training leaves beside a model: its losses, and a plot of them."""


class Entry(NamedTuple):
    """A model that can be named."""

    name: str
    path: Path
    bundled: bool


def entries() -> list[Entry]:
    """All models by name; one of the user's stands before a bundled one of the same name."""
    found = {e.name: e for e in _in(_bundled_dir(), bundled=True)}
    found |= {e.name: e for e in _in(models_dir(), bundled=False)}
    return sorted(found.values())


def is_path(name: str) -> bool:
    """Whether a model is named by its file instead of by its name."""
    return name.endswith(SUFFIX) or "/" in name or "\\" in name


def find(name: str) -> Entry:
    """The model called ``name``, or the file at that path; raises ModelError, which lists what there is."""
    if is_path(name):
        return Entry(Path(name).stem, Path(name), bundled=False)
    known = {e.name: e for e in entries()}
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {close[0]}? " if close else ""
    raise ModelError(f"there is no model {name!r}; {hint}there are: {', '.join(known) or 'none'}")


def place_for(name: str, replace: bool = False) -> Path:
    """Where a new model called ``name`` goes; raises UsageError for a bad name or one that is taken."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise UsageError(f"{name!r} cannot be a model's name: use letters, digits, '.', '-' and '_'")
    if name.endswith(SUFFIX):
        raise UsageError(f"{name!r} is the name of a file; leave {SUFFIX} out")
    path = models_dir() / f"{name}{SUFFIX}"
    if not replace and name in {e.name for e in entries()}:
        raise UsageError(f"there is a model {name!r} already; add --replace, or choose another name")
    return path


def remove(name: str) -> Path:
    """Delete one of the user's models; raises ModelError for an unknown or a bundled one."""
    entry = find(name)
    if entry.bundled:
        raise ModelError(f"{name} comes with afterglow and stays")
    if entry.path.parent != models_dir():
        raise ModelError(f"{name} is not in the library; delete the file yourself")
    try:
        entry.path.unlink()
        for suffix in BESIDE:
            entry.path.with_suffix(suffix).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot remove {entry.path}: {reason(error)}") from error
    return entry.path


def _bundled_dir() -> Path:
    return Path(str(importlib.resources.files("afterglow.models")))


def _in(folder: Path, bundled: bool) -> list[Entry]:
    return [Entry(path.stem, path, bundled) for path in folder.glob(f"*{SUFFIX}") if not path.name.startswith(".")]
