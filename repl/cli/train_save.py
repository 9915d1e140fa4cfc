"""Save a trained model in any case: in the library, and if there is no room, where the user says or where there is."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ...core.command_line import echo
from ...core.errors import StorageError, UsageError
from ...core.inference.library import path_for_new_model
from ...core.model import Model
from ...core.paths import runs_dir
from ...core.training.run import TrainingRun
from ...core.typed_paths import typed_path

RETRY_SECONDS = 600.0
"""Seconds for which a model that fits nowhere is kept in memory if there is no terminal to ask on."""

RETRY_INTERVAL = 5.0
"""Seconds between two attempts to save it."""


def save_model(training_run: TrainingRun, model: Model, gives_up: Callable[[], bool] = lambda: False) -> Path:
    """Save a trained model and return its path.

    If the library has no room, older checkpoints are deleted. If that does not help, a checkpoint is saved instead, and
    StorageError says how to go on. If there is no room for one either, the model stays in memory: on a terminal the
    user is asked for another place, elsewhere other places are tried until ``gives_up`` returns True or
    ``RETRY_SECONDS`` are over. StorageError then says that the model is lost.
    """
    try:
        return training_run.save_model(model)
    except StorageError as error:
        training_run.run_dir.drop_older_checkpoints()
        return _save_without_room(training_run, model, error, gives_up)


def _save_without_room(
    training_run: TrainingRun, model: Model, error: StorageError, gives_up: Callable[[], bool]
) -> Path:
    try:
        return training_run.save_model(model)
    except StorageError:
        name = training_run.request.name
        if _can_resume_here(training_run):
            raise StorageError(f"{error}; make room, then: afterglow train --resume {name}") from None
    echo(f"{error}. The trained model is only in memory now.", err=True)
    path = _ask_for_place(training_run, model) or _try_places(training_run, model, gives_up)
    if path is None:
        raise StorageError(f"{error}; the trained model is lost: {_describe_resuming(training_run)}")
    return path


def _can_resume_here(training_run: TrainingRun) -> bool:
    """Save a checkpoint of this step unless there is one. Return True if there is one now."""
    trainer = training_run.trainer
    if training_run.saved_step != trainer.step and trainer.group.world_size == 1:
        try:
            training_run.save_checkpoint()
        except StorageError:
            return False
    return training_run.saved_step == trainer.step


def _describe_resuming(training_run: TrainingRun) -> str:
    step = training_run.saved_step
    begin = "from the beginning" if step is None else f"from step {step:,}"
    return f"afterglow train --resume {training_run.request.name} trains it again {begin}"


def _ask_for_place(training_run: TrainingRun, model: Model) -> Path | None:
    """Ask on the terminal until the model is saved. Return its path, or None without a terminal."""
    while sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty():
        answer = _read_answer("Make room and press Enter, or type a folder to save it in (Ctrl-C gives it up): ")
        if answer is None:
            break
        try:
            return training_run.save_model(model, _free_place(model, answer) if answer else None)
        except (StorageError, UsageError) as error:
            echo(str(error), err=True)
    return None


def _read_answer(question: str) -> str | None:
    """Return the line that the user types, None at the end of the input. Ctrl-C raises KeyboardInterrupt."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        print(question, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
    except OSError:  # the terminal is gone
        return None
    finally:
        signal.signal(signal.SIGINT, handler)
    return line.strip() if line else None


def _free_place(model: Model, folder: str) -> Path:
    """Return a folder that the user typed. Raises StorageError if it has a file of the model's name, UsageError."""
    place = typed_path(folder)
    path = place / path_for_new_model(model.name, replace=True).name
    if path.exists():
        raise StorageError(f"there is already a file {path}; name another folder")
    return place


def _try_places(training_run: TrainingRun, model: Model, gives_up: Callable[[], bool]) -> Path | None:
    """Return the path where the model was saved at last, None if there was no room anywhere."""
    echo(f"Trying other places for {RETRY_SECONDS / 60:g} minutes: make room.", err=True)
    deadline = time.monotonic() + RETRY_SECONDS
    while True:
        for folder in (None, runs_dir(), Path.cwd(), Path(tempfile.gettempdir())):
            try:
                return training_run.save_model(model, _free_place(model, str(folder)) if folder else None)
            except StorageError:
                continue
        if gives_up() or time.monotonic() >= deadline:
            return None
        time.sleep(RETRY_INTERVAL)
