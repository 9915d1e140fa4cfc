"""Finds models by name or path: the bundled ones and those in the user's data folder."""

from __future__ import annotations

import contextlib
import importlib.resources
import re
from pathlib import Path
from typing import NamedTuple

from ..errors import ModelError, StorageError, UsageError, error_text, suggest
from ..paths import models_dir
from ..sanitize import visible_name
from ..typed_paths import typed_path

MODEL_SUFFIX = ".safetensors"
DEFAULT_MODEL = "english"

LOSSES_SUFFIX, SAMPLES_SUFFIX, PLOT_SUFFIX = SIDECAR_SUFFIXES = ".history.jsonl", ".samples.jsonl", ".svg"
"""Suffixes of the files that training writes next to a model: losses, samples on the way, and a plot of the losses."""


class ModelEntry(NamedTuple):
    """A model in the library, or a model file given by its path.

    ``name`` is safe to print: characters of the file's name that are controls or invisible are shown in it.
    """

    name: str
    path: Path
    bundled: bool


def list_models() -> list[ModelEntry]:
    """Return all models, sorted by name. A user's model hides a bundled one of the same name."""
    entries = {e.name: e for e in _models_in(_bundled_dir(), bundled=True)}
    entries |= {e.name: e for e in _models_in(models_dir(), bundled=False)}
    return sorted(entries.values())


def is_path(name: str) -> bool:
    """Return True if ``name`` is the path of a model file instead of a model's name."""
    return name.endswith(MODEL_SUFFIX) or "/" in name or "\\" in name


def is_model(name: str) -> bool:
    """Return True if there is a model of this name, or a file at this path."""
    if is_path(name):
        with contextlib.suppress(ModelError, OSError, ValueError):
            return _model_path(name).exists()
        return False
    return visible_name(name) in {entry.name for entry in list_models()}


def find_model(name: str) -> ModelEntry:
    """Return the model called ``name``, or the file at that path.

    Raises ModelError if no model has that name, or if the path may not be used.
    """
    if is_path(name):
        return _entry(_model_path(name), bundled=False)
    known = {e.name: e for e in list_models()}
    if (shown := visible_name(name)) in known:
        return known[shown]
    if "+" in name:
        raise ModelError(f"{shown[:64]!r} is a mixture; name one model here")
    listing = f"there are: {', '.join(known) or 'none'}"
    raise ModelError(f"there is no model {shown[:64]!r}; {f'{suggest(name, known)} {listing}'.lstrip()}")


def _model_path(text: str) -> Path:
    try:
        return typed_path(text)
    except UsageError as error:
        raise ModelError(str(error)) from None


def learned_name(parent: str, characters: int) -> str:
    """Return the name of what model ``parent`` is after it has learned so many characters: "tolstoy+1204"."""
    return f"{parent}+{characters}"


def name_of_parent(name: str) -> str:
    """Return the name of the model that one of ``learned_name`` came of. Another name is returned as it is."""
    return re.sub(r"\+\d+$", "", name)


def path_for_new_model(name: str, replace: bool = False) -> Path:
    """Return the path for a new model. Raises UsageError for an unusable name, or one in use unless ``replace``."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise UsageError(f"{name!r} cannot be a model's name: use letters, digits, '.', '-' and '_'")
    if name.endswith(MODEL_SUFFIX):
        raise UsageError(f"{name!r} is a file's name; leave {MODEL_SUFFIX} out")
    path = models_dir() / f"{name}{MODEL_SUFFIX}"
    if not replace and name in {e.name for e in list_models()}:
        raise UsageError(f"there is a model {name!r} already; add --replace, or choose another name")
    return path


def remove(name: str) -> Path:
    """Delete one of the user's models and return its path.

    Raises ModelError for an unknown or a bundled model, StorageError if it cannot be deleted.
    """
    entry = find_model(name)
    if entry.bundled:
        raise ModelError(f"{name} is a bundled model and cannot be removed")
    if entry.path.parent != models_dir():
        raise ModelError(f"{name} is not in the library; delete the file yourself")
    try:
        entry.path.unlink()
        for suffix in SIDECAR_SUFFIXES:
            entry.path.with_suffix(suffix).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot remove {entry.path}: {error_text(error)}") from error
    return entry.path


def _bundled_dir() -> Path:
    return Path(str(importlib.resources.files("afterglow.models")))


def _models_in(folder: Path, bundled: bool) -> list[ModelEntry]:
    return [_entry(path, bundled) for path in folder.glob(f"*{MODEL_SUFFIX}") if not path.name.startswith(".")]


def _entry(path: Path, bundled: bool) -> ModelEntry:
    return ModelEntry(visible_name(path.stem), path, bundled)
