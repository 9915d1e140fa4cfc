"""A run's folder in the data folder: what was asked for, checkpoints, and the history of its losses."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import StorageError, TrainingError, UsageError
from ..file_io import atomic_writer, write_atomically
from ..inference.model_file import Architecture
from ..paths import runs_dir
from ..text.files import stdin_blocks
from . import checkpoint
from .model import Dropout
from .schedule import TrainConfig
from .trainer import Checkpoint

FORMAT = 2

STDIN_NAME = "standard input"
"""What is kept of it is called so, as a text is named by its file."""


class RunDir:
    """``runs/NAME``. A run that has been begun and not finished has a ``run.json`` in it."""

    def __init__(self, name: str) -> None:
        self.name, self.path = name, runs_dir() / name
        self._metadata_path, self._history_path = self.path / "run.json", self.path / "history.jsonl"
        self._run_id = ""
        self._new_stdin_dir: Path | None = None

    @property
    def exists(self) -> bool:
        """Whether there is a run to go on with."""
        return self._metadata_path.exists()

    def create(self, metadata: dict[str, Any]) -> None:
        """Forget an earlier run and keep what this one is about; raises StorageError."""
        checkpoint.remove(self.path)
        self._history_path.unlink(missing_ok=True)
        for path in self.path.glob(f"*/{STDIN_NAME}"):
            if str(path) not in metadata["wish"]["files"]:
                shutil.rmtree(path.parent, ignore_errors=True)
        begun = json.dumps({"format": FORMAT, **metadata}).encode()
        write_atomically(self._metadata_path, begun)
        self._run_id = _compute_run_id(begun)

    def save_stdin(self) -> Path:
        """Keep what comes from standard input, which cannot be read again, and tell where."""
        path, digest = self.path / STDIN_NAME, hashlib.sha256()
        with atomic_writer(path, mode=0o600) as file:
            for block in stdin_blocks():
                digest.update(block)
                file.write(block)
        # Beside that of an earlier run, which has to stay if this one is refused.
        place = self.path / digest.hexdigest()[:16]
        self._new_stdin_dir = None if place.exists() else place
        place.mkdir(exist_ok=True)
        return path.replace(place / STDIN_NAME)

    def discard_stdin(self) -> None:
        """Forget what was kept for a run that cannot begin, which may be private."""
        if self._new_stdin_dir:
            shutil.rmtree(self._new_stdin_dir, ignore_errors=True)
            with contextlib.suppress(OSError):
                self.path.rmdir()  # where an earlier run is in it, it stays

    def read_metadata(self) -> dict[str, Any]:
        """What the run was begun with; raises TrainingError where there is none or it is not readable."""
        try:
            begun = self._metadata_path.read_bytes()
            about = json.loads(begun)
            version = about.pop("format")
        except FileNotFoundError:
            names = sorted(path.parent.name for path in runs_dir().glob("*/run.json"))
            raise TrainingError(
                f"there is no unfinished run {self.name!r}; there are: {', '.join(names) or 'none'}"
            ) from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise TrainingError(f"{self._metadata_path} is damaged; begin anew with --replace") from None
        if version != FORMAT:
            raise TrainingError(
                f"the run {self.name!r} has format {str(version)[:20]}, this release knows {FORMAT};"
                " resume it with the release that began it, or begin anew with --replace"
            )
        self._run_id = _compute_run_id(begun)
        return dict(about)

    def save(self, state: Checkpoint) -> None:
        """Keep a checkpoint; raises StorageError."""
        self._require_same_run()
        checkpoint.save(self.path, state, self._run_id)

    def load_last_good(self) -> tuple[Checkpoint | None, list[str]]:
        """The newest whole checkpoint, and what was wrong with newer ones; raises TrainingError."""
        return checkpoint.load_last_good(self.path, self._run_id)

    def add_history(self, row: dict[str, Any]) -> None:
        """Append a line to the history; raises StorageError."""
        self._require_same_run()
        rows = [*self.history(), row]
        write_atomically(self._history_path, "".join(f"{json.dumps(r)}\n" for r in rows).encode())

    def history(self, up_to: float = float("inf")) -> list[dict[str, Any]]:
        """The rows of the history up to a step; what is not readable is left out."""
        try:
            rows = [json.loads(line) for line in self._history_path.read_text("utf-8").splitlines()]
            return [row for row in rows if row["step"] <= up_to]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def truncate_history(self, step: int) -> None:
        """Drop what the history has beyond ``step``: it will come again."""
        rows = self.history(step)
        write_atomically(self._history_path, "".join(f"{json.dumps(r)}\n" for r in rows).encode())

    def delete(self) -> None:
        """Remove the folder; what cannot be removed stays."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _require_same_run(self) -> None:
        """Raise StorageError where the folder has gone, or another run of that name has begun in it."""
        try:
            ours = _compute_run_id(self._metadata_path.read_bytes()) == self._run_id
        except OSError:
            ours = False
        if not ours:
            raise StorageError(f"{self.path} is no more this run's: it was removed, or another run was begun there")


def _compute_run_id(begun: bytes) -> str:
    return hashlib.sha256(begun).hexdigest()


def require_no_unfinished_run(name: str, replace: bool) -> None:
    """Raise UsageError where an unfinished run of that name would be lost."""
    if not replace and RunDir(name).exists:
        raise UsageError(
            f"there is an unfinished run {name!r}; go on with it: afterglow train --resume {name};"
            " or begin anew with --replace"
        )


def config_to_json(config: TrainConfig) -> dict[str, Any]:
    """A recipe as JSON values."""
    return asdict(config)


def config_from_json(values: dict[str, Any]) -> TrainConfig:
    """The way back; raises TrainingError where a release with other recipes wrote it."""
    try:
        parts = {"architecture": Architecture(**values["architecture"]), "dropout": Dropout(**values["dropout"])}
        return TrainConfig(**{**values, **parts, "betas": tuple(values["betas"])})
    except (KeyError, TypeError):
        raise TrainingError(
            "the run was begun by another release of afterglow; resume it with that, or begin anew with --replace"
        ) from None
