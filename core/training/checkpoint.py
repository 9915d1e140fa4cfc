"""Checkpoint files: safetensors with a JSON header and a hash over both. Written atomically, never unpickled."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from ..errors import StorageError, TrainingError, error_text
from ..file_io import write_atomically
from .saved_state import Checkpoint
from .typed_json import load_object, require_object

FORMAT = 2
"""Version of the format. Increased when its meaning changes; checkpoints of other versions are refused."""

CHECKPOINTS_TO_KEEP = 2
"""Number of checkpoints to keep: the newest, and the one before it in case the newest is damaged."""

CHECKPOINT_SUFFIX = ".checkpoint.safetensors"


def save(folder: Path, checkpoint: Checkpoint, run_id: str) -> Path:
    """Write a checkpoint of the run ``run_id`` and return its path. Delete all but the newest two.

    Raises StorageError.
    """
    path = folder / f"{checkpoint.values['step']:09}{CHECKPOINT_SUFFIX}"
    header = {"format": FORMAT, "run": run_id, "values": checkpoint.values}
    digest = _digest(header, checkpoint.tensors)
    metadata = {"afterglow": json.dumps({**header, "sha256": digest})}
    write_atomically(path, to_bytes(checkpoint.tensors, metadata=metadata))
    keep_newest(folder, CHECKPOINTS_TO_KEEP)
    return path


def keep_newest(folder: Path, count: int) -> None:
    """Delete all but the newest ``count`` checkpoints. One that cannot be deleted stays."""
    with contextlib.suppress(OSError):
        oldest_first = sorted(_list_furthest_first(folder), key=lambda path: path.stat().st_mtime_ns)
        for old in oldest_first[:-count]:
            old.unlink(missing_ok=True)


def load_last_good(
    folder: Path, run_id: str, accept: Callable[[Checkpoint], object] = lambda _: None
) -> tuple[Checkpoint | None, list[str]]:
    """Return the intact checkpoint of the highest step or None, and a message for each damaged one skipped.

    ``accept`` raises ValueError for a checkpoint that is damaged though its hash is right, which is no secret.
    Raises TrainingError for a checkpoint of another format or another run.
    """
    notes: list[str] = []
    for path in _list_furthest_first(folder):
        try:
            state = _read(path, run_id)
            accept(state)
            return state, notes
        except (SafetensorError, ValueError, RecursionError):
            notes.append(f"{path.name} is damaged and was skipped")
        except OSError as error:
            notes.append(f"{path.name} cannot be read ({error_text(error)}) and was skipped")
    return None, notes


def count(folder: Path) -> int:
    """Return the number of checkpoints in ``folder``."""
    return len(_list_furthest_first(folder))


def remove(folder: Path) -> None:
    """Delete all checkpoints in ``folder``. Raises StorageError."""
    try:
        for path in _list_furthest_first(folder):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot remove the checkpoints in {folder}: {error_text(error)}") from error


def _list_furthest_first(folder: Path) -> list[Path]:
    return sorted((p for p in folder.glob(f"*{CHECKPOINT_SUFFIX}") if not p.name.startswith(".")), reverse=True)


def _read(path: Path, run_id: str) -> Checkpoint:
    """Return the checkpoint in a file. Raises ValueError or SafetensorError if it is damaged."""
    with safe_open(path, "np") as file:
        header = load_object((file.metadata() or {}).get("afterglow", ""))
        tensors = {name: _get_tensor(file, name) for name in file.keys()}  # noqa: SIM118
    if header.get("format") != FORMAT:
        raise TrainingError(
            f"{path} has format {header.get('format')!r:.20}, this release knows {FORMAT}:"
            " resume with the release that wrote it, or start again with --replace"
        )
    if header.pop("sha256", None) != _digest(header, tensors):
        raise ValueError("its hash does not match")
    if header.get("run") != run_id:
        raise TrainingError(f"{path} belongs to another run; nothing was changed")
    return Checkpoint(tensors, require_object(header.get("values")))


def _get_tensor(file: Any, name: str) -> NDArray[Any]:
    try:
        return np.asarray(file.get_tensor(name))
    except (TypeError, AttributeError):
        raise ValueError("a tensor is of a type that numpy does not know") from None


def _digest(header: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()
