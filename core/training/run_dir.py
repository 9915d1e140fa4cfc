"""The folder of an unfinished run: the request, checkpoints, the loss history, and saved standard input."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import LockHeldError, StorageError, TrainingError, UsageError, error_text
from ..file_io import atomic_writer, private_file, private_folder, write_atomically
from ..file_locks import hold_lock
from ..inference.library import is_path, path_for_new_model
from ..paths import lock_file, models_dir, runs_dir
from ..text.files import expand_paths, is_stream, stream_blocks
from . import checkpoint
from .disk_space import require_space
from .history_files import LossRow, RowFile, SampleRow, read_bounded
from .request import TrainRequest
from .saved_state import Checkpoint
from .typed_json import load_object

FORMAT = 2
"""Version of run.json. Runs of other versions are refused."""

STDIN_NAME = "standard input"
"""File name of saved standard input."""


class RunDir:
    """``runs/NAME`` in the data folder. An unfinished run has a ``run.json`` in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = runs_dir() / name
        self._metadata_path = self.path / "run.json"
        self.losses = RowFile(self.path / "history.jsonl", LossRow)
        self.samples = RowFile(self.path / "samples.jsonl", SampleRow)
        self._run_id = ""
        self._new_stdin_dirs = list[Path]()
        self._has_replaced_run = False

    @property
    def exists(self) -> bool:
        """True if there is an unfinished run to resume."""
        return self._metadata_path.exists()

    @property
    def has_checkpoints(self) -> bool:
        """True if there are checkpoints, damaged or not."""
        return checkpoint.count(self.path) > 0

    def create(self, metadata: dict[str, Any]) -> None:
        """Delete an earlier run, except its standard input if used again, and write run.json. Raises StorageError."""
        self._has_replaced_run = self.exists
        checkpoint.remove(self.path)
        with _as_storage_error(self.path):
            self.losses.path.unlink(missing_ok=True)
            self.samples.path.unlink(missing_ok=True)
        for path in self.path.glob(f"*/{STDIN_NAME}"):
            if str(path) not in metadata["wish"]["files"]:
                shutil.rmtree(path.parent, ignore_errors=True)
        data = json.dumps({"format": FORMAT, **metadata}).encode()
        write_atomically(self._metadata_path, data)
        self._run_id = _compute_run_id(data)

    def save_stream(self, path_or_dash: str | Path) -> Path:
        """Save standard input or a pipe, which cannot be read again, and return the file's path.

        Raises TextError or StorageError.
        """
        path, digest = self.path / STDIN_NAME, hashlib.sha256()
        with atomic_writer(path) as file:
            for block in stream_blocks(path_or_dash):
                digest.update(block)
                file.write(block)
        # In a folder of its own: an earlier run's input must stay if this run is refused.
        folder = self.path / digest.hexdigest()[:16]
        self._new_stdin_dirs += [] if folder.exists() else [folder]
        private_folder(folder)
        with _as_storage_error(path):
            return path.replace(folder / STDIN_NAME)

    def discard_stdin(self) -> None:
        """Delete the standard input of a run that could not start. It may be private."""
        for folder in self._new_stdin_dirs:
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):
                self.path.rmdir()  # fails, as it should, if there is an earlier run

    def read_metadata(self) -> dict[str, Any]:
        """Return the contents of run.json. Raises TrainingError if it is missing or damaged."""
        try:
            data = read_bounded(self._metadata_path)
            metadata = load_object(data)
        except FileNotFoundError:
            names = sorted(path.parent.name for path in runs_dir().glob("*/run.json"))
            raise TrainingError(
                f"there is no unfinished run {self.name!r}; there are: {', '.join(names) or 'none'}"
            ) from None
        except OSError as error:
            raise TrainingError(f"cannot read {self._metadata_path}: {error_text(error)}") from None
        except ValueError as error:
            raise TrainingError(self.describe_damage(error)) from None
        version = metadata.pop("format", None)
        if version != FORMAT:
            raise TrainingError(
                f"the run {self.name!r} has format {version!r:.20}, this release knows {FORMAT}:"
                " resume it with the release that began it, or start again with --replace"
            )
        self._run_id = _compute_run_id(data)
        return metadata

    def describe_damage(self, error: ValueError) -> str:
        """Return the message for a run.json that cannot be right."""
        return f"{self._metadata_path} is damaged ({error}); start again with --replace"

    def require_space(self, checkpoint_size: int, models: int = 1) -> None:
        """Raise StorageError unless so many models and the checkpoints that are still to come fit on the disk.

        While a checkpoint is written, the newest two are there too.
        """
        missing = 1 + max(0, checkpoint.CHECKPOINTS_TO_KEEP - checkpoint.count(self.path))
        require_space(models_dir(), [checkpoint_size // 5] * models)
        require_space(self.path.parent, [checkpoint_size] * missing)

    def drop_older_checkpoints(self) -> None:
        """Make room: delete all checkpoints but the newest."""
        checkpoint.keep_newest(self.path, 1)

    def save(self, state: Checkpoint) -> None:
        """Save a checkpoint. Raises StorageError."""
        self._require_same_run()
        checkpoint.save(self.path, state, self._run_id)

    def load_last_good(self, accept: Callable[[Checkpoint], object]) -> tuple[Checkpoint | None, list[str]]:
        """Return the intact checkpoint of the highest step or None, and a message for each damaged one skipped.

        ``accept`` raises ValueError if one is damaged. Raises TrainingError for one of another format or another run.
        """
        return checkpoint.load_last_good(self.path, self._run_id, accept)

    def add_history(self, losses: LossRow, samples: Sequence[SampleRow] = ()) -> None:
        """Append the losses of a validation to the history, and what its weights wrote. Raises StorageError."""
        self._require_same_run()
        self.losses.add([losses])
        if samples:
            self.samples.add(samples)

    def truncate_history(self, step: int) -> None:
        """Delete the rows after ``step``, which will be trained again. Raises StorageError."""
        self.losses.truncate(step)
        self.samples.truncate(step)

    def delete(self) -> None:
        """Delete the folder. Files that cannot be deleted stay."""
        shutil.rmtree(self.path, ignore_errors=True)

    @contextlib.contextmanager
    def delete_on_error(self) -> Iterator[None]:
        """Delete the folder if the block raises, also for Ctrl-C: nothing has been trained yet.

        A run that took the place of another one stays, to be resumed from its beginning: its name must not be lost.
        """
        try:
            yield
        except BaseException:
            if not self._has_replaced_run:
                self.delete()
            raise

    def _require_same_run(self) -> None:
        """Raise StorageError if the folder is gone, or another run of that name has started in it."""
        try:
            is_same = _compute_run_id(self._metadata_path.read_bytes()) == self._run_id
        except OSError:
            is_same = False
        if not is_same:
            raise StorageError(f"{self.path} no longer belongs to this run: it was deleted, or another run started")


@contextlib.contextmanager
def _as_storage_error(path: Path) -> Iterator[None]:
    """Raise StorageError instead of OSError from a ``with`` block that changes ``path``."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot write to {path}: {error_text(error)}") from error


def _compute_run_id(metadata: bytes) -> str:
    return hashlib.sha256(metadata).hexdigest()


@contextlib.contextmanager
def lock_run(name: str) -> Iterator[None]:
    """Hold the name of a run while the block runs, so that no other process trains it.

    Raises TrainingError if another process does, UsageError if ``name`` cannot be a model's name.
    """
    path_for_new_model(name, replace=True)
    with contextlib.ExitStack() as locks:
        try:
            locks.enter_context(hold_lock(private_file(lock_file(f"train-{name}"))))
        except LockHeldError as error:
            holder = f"process {error.holder}" if error.holder else "another process"
            raise TrainingError(
                f"{name} is being trained by {holder}; wait until it has finished, or stop it with Ctrl-C there"
            ) from None
        yield


def resolve_paths(request: TrainRequest, run_dir: RunDir) -> TrainRequest:
    """Return the request with absolute paths, so that the run can be resumed from anywhere.

    Standard input and pipes are saved. Raises UsageError if no text is named, TextError if one does not exist.
    """
    if not request.paths:
        raise UsageError("name a text to train on, or - for standard input")
    paths = [path for word in request.paths for path in expand_paths(word)]
    files = tuple(str(run_dir.save_stream(path) if is_stream(path) else Path(path).absolute()) for path in paths)
    parent = request.parent
    if parent and is_path(parent):
        parent = str(Path(parent).absolute())
    return replace(request, files=files, parent=parent)


def require_no_unfinished_run(name: str, replace: bool) -> None:
    """Raise UsageError if an unfinished run of that name would be lost."""
    if not replace and RunDir(name).exists:
        raise UsageError(
            f"there is an unfinished run {name!r}; resume it with: afterglow train --resume {name};"
            " or start again with --replace"
        )
