"""Unfinished training runs: their description and their checkpoint."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from afterglow.core.errors import ModelError, StorageError, TextError, TrainingError, UsageError
from afterglow.core.paths import runs_dir
from afterglow.core.training.request import TrainRequest
from afterglow.core.training.run import TrainingRun, resume_run, start_run

from .mutation import Edit, Sample
from .play import UnsoundError
from .safetensors_files import put_together, take_apart
from .target import Target
from .values import to_json

LAMP = Path(__file__).parents[1] / "data" / "lamp.txt"
STEPS = 2
"""Steps to take before the checkpoint, and after it."""


class TrainingTarget(Target):
    """A run folder that holds one changed file."""

    promises = (TrainingError, UsageError, TextError, ModelError, StorageError)

    @cached_property
    def files(self) -> dict[str, bytes]:
        """The files of a run that was stopped after some steps, by name."""
        torch.set_num_threads(1)
        shutil.rmtree(runs_dir(), ignore_errors=True)
        request = TrainRequest(name="r", paths=(str(LAMP),), epochs=2, layers=1, width=16, replace=True)
        run = start_run(request)
        take_steps(run, STEPS)
        run.save_checkpoint()
        return {path.name: path.read_bytes() for path in run.run_dir.path.iterdir()}

    @property
    def checkpoint_name(self) -> str:
        """Name of the checkpoint's file."""
        return next(name for name in self.files if "checkpoint" in name)

    def resume_with(self, name: str, data: bytes) -> None:
        """Resume the run with ``data`` in place of one of its files, train on, and make the model."""
        shutil.rmtree(runs_dir(), ignore_errors=True)
        folder = runs_dir() / "r"
        folder.mkdir(parents=True)
        for each, content in self.files.items():
            (folder / each).write_bytes(data if each == name else content)
        run = resume_run("r")
        take_steps(run, STEPS)
        run.save_checkpoint()
        run.build_model()


class CheckpointTarget(TrainingTarget):
    """A checkpoint, signed again: resumed, trained, saved."""

    name = "checkpoint"

    def make_sample(self) -> Sample:
        """Return the checkpoint's header and tensors."""
        return take_apart(self.files[self.checkpoint_name])

    def pack(self, sample: Sample) -> bytes:
        """Return the checkpoint with its checksum."""
        header = sample.tree.get("header")
        if isinstance(header, dict) and "sha256" in header:
            header["sha256"] = _checksum(header, sample.arrays)
        return put_together(sample)

    def use(self, data: bytes, _: list[Edit]) -> None:
        """Resume."""
        self.resume_with(self.checkpoint_name, data)


class RunTarget(TrainingTarget):
    """A run's description: resumed without a checkpoint of it, since it names the run."""

    name = "run"

    def make_sample(self) -> Sample:
        """Return run.json."""
        return Sample(json.loads(self.files["run.json"]))

    def use(self, data: bytes, _: list[Edit]) -> None:
        """Resume, with the checkpoint of another run removed."""
        kept, self.files = self.files, {"run.json": data}
        try:
            self.resume_with("run.json", data)
        finally:
            self.files = kept


def take_steps(run: TrainingRun, count: int) -> None:
    """Train some steps. Raises UnsoundError if a loss is not finite."""
    for progress in islice(run.train(), count):
        if not math.isfinite(progress.train_loss):
            raise UnsoundError(f"the loss is {progress.train_loss}")


def _checksum(header: dict[str, Any], arrays: dict[str, np.ndarray]) -> Any:
    """Return the checksum that the format wants; what is there if the header is none that Python reads."""
    try:
        plain = json.loads(to_json({key: value for key, value in header.items() if key != "sha256"}))
    except (ValueError, RecursionError):
        return header["sha256"]
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
