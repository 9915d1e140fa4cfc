"""Checkpoints: safetensors with a JSON header and a hash over both, written whole or not at all, never unpickled."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from ..errors import StorageError, TrainingError, error_text
from ..file_io import write_atomically
from .trainer import Checkpoint

FORMAT = 2
"""Raised where a checkpoint means something else than before: one of another format is refused."""

CHECKPOINTS_TO_KEEP = 2
"""The one written last, and one before it should that turn out damaged."""

SUFFIX = ".checkpoint.safetensors"


def save(folder: Path, state: Checkpoint, run: str) -> Path:
    """Keep ``state`` of the run that ``run`` identifies, and drop all but those written last; raises StorageError."""
    path = folder / f"{state.values['step']:09}{SUFFIX}"
    header = {"format": FORMAT, "run": run, "values": state.values}
    digest = _digest(header, state.tensors)
    metadata = {"afterglow": json.dumps({**header, "sha256": digest})}
    write_atomically(path, to_bytes(state.tensors, metadata=metadata))
    written = sorted(_list_furthest_first(folder), key=lambda path: path.stat().st_mtime_ns)
    for old in written[:-CHECKPOINTS_TO_KEEP]:
        old.unlink(missing_ok=True)
    return path


def load_last_good(folder: Path, run: str) -> tuple[Checkpoint | None, list[str]]:
    """The furthest state that is whole, and a line for each damaged one passed over; (None, …) where there is none.

    Raises TrainingError for a checkpoint of another format or another run.
    """
    notes: list[str] = []
    for path in _list_furthest_first(folder):
        try:
            return _read(path, run), notes
        except (SafetensorError, ValueError, KeyError, TypeError, AttributeError):
            notes.append(f"{path.name} is damaged and was passed over")
        except OSError as error:
            notes.append(f"{path.name} cannot be read ({error_text(error)}) and was passed over")
    return None, notes


def remove(folder: Path) -> None:
    """Delete all checkpoints in ``folder``; raises StorageError."""
    try:
        for path in _list_furthest_first(folder):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot remove the checkpoints in {folder}: {error_text(error)}") from error


def _list_furthest_first(folder: Path) -> list[Path]:
    return sorted((p for p in folder.glob(f"*{SUFFIX}") if not p.name.startswith(".")), reverse=True)


def _read(path: Path, run: str) -> Checkpoint:
    with safe_open(path, "np") as file:
        header = json.loads((file.metadata() or {})["afterglow"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    digest = header.pop("sha256")
    if header["format"] != FORMAT:
        raise TrainingError(
            f"{path} has format {str(header['format'])[:20]}, this release knows {FORMAT}:"
            " resume with the release that wrote it, or begin anew with --replace"
        )
    if digest != _digest(header, tensors):
        raise ValueError
    if header["run"] != run:
        raise TrainingError(f"{path} belongs to another run; it was left as it is")
    return Checkpoint(tensors, header["values"])


def _digest(header: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()
