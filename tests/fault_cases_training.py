"""Everything that training saves, as cases for fault_injection.py."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from afterglow.core.inference.model_file import Architecture, open_model_file
from afterglow.core.model import Model
from afterglow.core.paths import data_dir, models_dir
from afterglow.core.training import run
from afterglow.core.training.history_files import LossRow, SampleRow
from afterglow.core.training.request import TrainRequest
from afterglow.core.training.run_dir import RunDir
from afterglow.core.training.saved_state import Checkpoint
from afterglow.core.training.train_config import TrainConfig
from afterglow.core.training.trainer import Trainer

LAMP = Path(__file__).parent / "data" / "lamp.txt"

torch.set_num_threads(1)  # a forked process has none of its parent's threads


def warm_up() -> None:
    """Take a step, so that forked processes find everything imported that one needs."""
    ids = np.arange(200) % 3
    trainer = Trainer(TrainConfig(Architecture(3, 4, 1, 8), batch_size=2, seq_len=16), ids, [ids])
    trainer._train_step()
    trainer.result()
    trainer.make_checkpoint()


warm_up()


def request(**changes: object) -> TrainRequest:
    return TrainRequest("mine", (str(LAMP),), epochs=3, width=8, layers=1, batch_size=2, **changes)  # type: ignore[arg-type]


@cache
def states() -> list[Checkpoint]:
    """Checkpoints of the run ``mine`` after its first three steps."""
    trainer = run.resume_run("mine").trainer
    return [trainer.make_checkpoint() for _ in range(3) if trainer._train_step()]


def last_step(name: str) -> int:
    return run.resume_run(name).trainer.step


class Checkpoints:
    """A run saves three checkpoints, of which two are kept, and a row of the history after each."""

    def __init__(self) -> None:
        self.run_dir = RunDir("mine")
        if self.run_dir.exists:
            self.run_dir.read_metadata()
            states()

    def prepare(self) -> None:
        run.start_run(request()).save_checkpoint()

    def save(self) -> Iterator[str]:
        for state in states():
            step = state.values["step"]
            self.run_dir.save(state)
            yield f"checkpoint {step}"
            self.run_dir.truncate_history(step - 1)
            self.run_dir.add_history(LossRow(step, 0.1, 0.5, 4.0, 4.5), [SampleRow(step, 0.1, 0.5, "the lamp")])
            yield f"history {step}"

    def steps(self) -> list[int]:
        """The steps of the history's rows, which are all whole."""
        path = self.run_dir.path / "history.jsonl"
        return [json.loads(line)["step"] for line in path.read_text().splitlines()] if path.exists() else []

    def check(self, done: list[str]) -> None:
        resumed = run.resume_run("mine")
        saved = [int(word.split()[1]) for word in done if word.startswith("checkpoint")]
        assert not any("damaged" in note for note in resumed.notes)
        assert resumed.trainer.step >= max(saved, default=0)
        rows = self.steps()
        assert rows == sorted(set(rows))
        assert {f"history {step}" for step in rows} >= {word for word in done if word.startswith("history")}


class NewRun:
    """The first run begins: the clean text, its tokens and run.json are saved."""

    def prepare(self) -> None:
        data_dir().mkdir(exist_ok=True)

    def save(self) -> Iterator[str]:
        run.start_run(request(replace=True))
        yield "run"

    def check(self, done: list[str]) -> None:
        if done or RunDir("mine").exists:
            assert run.resume_run("mine").trainer.step == 0


class ReplacedRun(NewRun):
    """A run begins in the place of one that is not finished."""

    def prepare(self) -> None:
        begun = run.start_run(request())
        for _ in zip(range(2), begun.train(), strict=False):
            begun.save_checkpoint()

    def check(self, done: list[str]) -> None:
        assert run.resume_run("mine").trainer.step in ((0,) if done else (0, 1, 2))


def untrained() -> Model:
    """Return a model, made before any process is forked: its threads would be missing there."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {"AFTERGLOW_HOME": folder}):
        return run.start_run(request()).measure()[0]


MODEL = untrained()
NEW_MODEL = Model("mine", replace(MODEL.file, card=replace(MODEL.file.card, epochs=7.0)), MODEL.runtime)


@cache
def resumed_run() -> run.TrainingRun:
    return run.resume_run("mine")


class FinishedModel:
    """A model takes the place of one from before, and its run is deleted."""

    def __init__(self) -> None:
        if RunDir("mine").exists:
            resumed_run()

    def prepare(self) -> None:
        begun = run.start_run(request())
        begun.save_model(MODEL)
        next(begun.train())
        begun.save_checkpoint()

    def save(self) -> Iterator[str]:
        if not (RunDir("mine").exists or resumed_run.cache_info().currsize):  # deleted by a process that died
            return
        resumed_run().save_model(NEW_MODEL)
        yield "model"
        resumed_run().run_dir.delete()

    def check(self, done: list[str]) -> None:
        made = open_model_file(models_dir() / "mine.safetensors").card
        assert made.epochs == 7 or not done
        if RunDir("mine").exists:
            assert last_step("mine") in (0, 1)
        else:
            assert done


CASES = {
    "checkpoints": Checkpoints,
    "new run": NewRun,
    "replaced run": ReplacedRun,
    "finished model": FinishedModel,
}
