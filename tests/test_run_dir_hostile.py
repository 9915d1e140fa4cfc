"""A run folder from a stranger: each wrong value, shape and type in it is refused with one line, or passed over."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest

pytest.importorskip("torch")

from afterglow.core.errors import StorageError, TextError, TrainingError
from afterglow.core.training import batches, checkpoint, history_files, run, saved_state, schedule, sizes, train_config
from afterglow.core.training.history_files import LossRow
from afterglow.core.training.request import TRAIN_OPTIONS, TrainRequest
from afterglow.core.training.typed_json import Between, parse

from .run_dir_mutations import Mutator

DATA = Path(__file__).parent / "data"
WORKER = Path(__file__).parent / "run_dir_mutations.py"


@pytest.fixture
def folder(home: Path) -> Path:
    """The folder of a small run after three steps."""
    begun = run.start_run(TrainRequest("mine", (str(DATA / "lamp.txt"),), epochs=3, width=8, layers=1, batch_size=2))
    for _ in zip(range(3), begun.train(), strict=False):
        pass
    begun.save_checkpoint()
    return home / "runs" / "mine"


def go_through(folder: Path, stride: int) -> dict[str, str]:
    """Return how the run went on after each damage, by its name. A process that dies is a failed test."""
    command = [sys.executable, str(WORKER), str(folder), str(stride)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_PERTURB_": "165"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert ran.returncode == 0, (lines[-1], ran.stderr[-2_000:])
    return dict(line for line in lines if len(line) == 2)


def require_refused_or_resumed(outcomes: dict[str, str]) -> None:
    wrong = {name: how for name, how in outcomes.items() if not how.startswith(("refused with", "went on"))}
    assert wrong == {}
    assert [how for how in outcomes.values() if "\n" in how or len(how) > 1_000] == []


def test_a_damaged_run_is_refused_with_one_line_or_resumed(folder: Path) -> None:
    outcomes = go_through(folder, 29)
    require_refused_or_resumed(outcomes)
    assert len(outcomes) > 100
    assert sum(how.startswith("refused with 1") for how in outcomes.values()) > 30


@pytest.mark.slow
def test_every_damage_is_refused_with_one_line_or_resumed(folder: Path) -> None:
    outcomes = go_through(folder, 1)
    require_refused_or_resumed(outcomes)
    assert len(outcomes) > 2_500
    resumed = [name for name, how in outcomes.items() if name.startswith("tensor") and "resumed at step" in how]
    assert {name.rpartition(": ")[2] for name in resumed} <= {"NaN", "huge", "infinity", "negative"}
    print(f"{len(outcomes):,} damages")


@pytest.mark.parametrize(
    "damage",
    [
        "tensor optimizer.0.0.momentum: longer",
        "tensor optimizer.1.0.exp_avg: shorter",
        "tensor optimizer.1.0.exp_avg: float64",
        "tensor optimizer.1.0.step: longer",
        "tensor optimizer.1.1.exp_avg_sq: negative",
        "tensor model.embedding.weight: NaN",
        "tensor averaged.n_averaged: negative",
        "tensor best.embedding.weight: huge",
        "tensor best.projection.bias: turned",
        "tensor hidden.0.h: turned",
        "tensor random: float16",
        "tensor random: infinity",
        "tensor hidden.0.c: left out",
        "checkpoint values/step: 280 digits",
        "checkpoint values/plan/every: zero",
        "checkpoint values/position/at: 2**64",
        "checkpoint values/position/random/state/state: half",
        "checkpoint values/best_loss: NaN",
    ],
)
def test_a_signed_checkpoint_that_cannot_be_right_is_passed_over(folder: Path, damage: str) -> None:
    mutator = Mutator(folder)
    mutator.damage(damage)
    resumed = run.resume_run("mine")
    assert resumed.trainer.step == 0
    assert f"{mutator.path.name} is damaged and was skipped" in resumed.notes


@pytest.mark.parametrize(
    ("damage", "error", "says"),
    [
        ("wish/reading/split: object", TrainingError, "split is not of the type str"),
        ("wish/wanted/epochs: 280 digits", TrainingError, "--epochs is out of range"),
        ("wish/wanted/epochs: 400 digits", TrainingError, "too many digits"),
        ("wish/files: nested", TrainingError, "files is not of the type str"),
        ("wish/files: list", TrainingError, "names no files"),
        ("wish/files/0: NUL", TextError, "there is no text file"),
        ("recipe/architecture/width: 2**64", TrainingError, "width is out of range"),
        ("recipe/batch: half", TrainingError, "batch_size is out of range"),
        ("recipe/clip: NaN", TrainingError, "grad_clip is out of range"),
        ("tokenizer/characters: list", TrainingError, "kind unknown"),
        ("recipe/architecture/vocabulary: three", TrainingError, "differ in size"),
    ],
)
def test_a_damaged_description_names_what_is_wrong(
    folder: Path, damage: str, error: type[Exception], says: str
) -> None:
    Mutator(folder).damage(f"run.json {damage}")
    with pytest.raises(error) as refusal:
        run.resume_run("mine")
    assert says in str(refusal.value).replace(str(folder), "")


def test_the_older_checkpoint_is_taken_if_the_newest_was_signed_again(folder: Path) -> None:
    begun = run.resume_run("mine")
    for _ in zip(range(2), begun.train(), strict=False):
        pass
    begun.save_checkpoint()
    newest = Mutator(folder)
    moment = "optimizer.1.0.exp_avg"
    newest.sign(newest.header, {**newest.tensors, moment: newest.tensors[moment][:1]})
    assert len(list(folder.glob(f"*{checkpoint.CHECKPOINT_SUFFIX}"))) == 2
    assert run.resume_run("mine").trainer.step == 3


def test_a_run_under_another_name_makes_the_model_of_that_name(folder: Path, home: Path) -> None:
    folder.rename(home / "runs" / "copy")
    assert run.resume_run("copy").build_model().name == "copy"


def test_a_damaged_row_of_the_history_hides_no_other(folder: Path) -> None:
    resumed = run.resume_run("mine")
    row = {"step": 3, "epoch": 0.1, "seconds": 1.0, "train_bits": 4.0, "valid_bits": 4.5}
    rows = [json.dumps(row), "{", json.dumps({**row, "epoch": "x"}), "[" * 9_000, json.dumps({**row, "step": 4})]
    (folder / "history.jsonl").write_text("\n".join(rows), "utf-8")
    assert [row.step for row in resumed.run_dir.losses.rows()] == [3, 4]


def numbers(hint: Any, bounded: bool = False) -> list[bool]:
    """Return for each number in a type whether it has a range."""
    if hint in (int, float):
        return [bounded]
    has_range = any(isinstance(inner, Between) for inner in get_args(hint)[1:])
    return [found for inner in get_args(hint) for found in numbers(inner, has_range and get_origin(hint) is not tuple)]


@pytest.mark.parametrize(
    "cls",
    [
        batches.Pcg64State,
        history_files.LossRow,
        history_files.SampleRow,
        batches.Pcg64Words,
        batches.ReaderPosition,
        saved_state.TrainerState,
        schedule.Schedule,
        sizes.Dropout,
        train_config.TrainConfig,
    ],
)
def test_every_number_that_is_read_has_a_range(cls: type) -> None:
    hints = get_type_hints(cls, include_extras=True)
    found = {name: numbers(hint) for name, hint in hints.items()}
    assert any(found.values())
    assert {name for name, bounded in found.items() if not all(bounded)} == set()


def test_every_number_of_a_request_has_a_range() -> None:
    options = {name: option for name, option in TRAIN_OPTIONS.items() if option.kind in (int, float)}
    assert {name for name, option in options.items() if option.low is None or option.high is None} == set()


def test_values_of_a_wrong_type_are_not_made_to_fit() -> None:
    whole = {"embedding": 0, "between": 0.9, "output": 0.0, "recurrent": 0.0}
    assert parse(sizes.Dropout, whole) == sizes.Dropout(0.0, 0.9)
    for wrong in (True, "0.5", None, [0.5], 0.91, -0.1, float("nan")):
        with pytest.raises(ValueError, match="output"):
            parse(sizes.Dropout, {**whole, "output": wrong})


def test_a_history_that_cannot_be_deleted_is_a_storage_error(folder: Path) -> None:
    (folder / "history.jsonl").unlink(missing_ok=True)
    (folder / "history.jsonl").mkdir()
    request = TrainRequest("mine", (str(DATA / "lamp.txt"),), epochs=3, width=8, replace=True)
    with pytest.raises(StorageError, match="cannot write to"):
        run.start_run(request)


def test_a_history_that_cannot_be_read_is_not_replaced(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resumed = run.resume_run("mine")
    row = LossRow(3, 0.1, 1.0, 4.0, 4.5)
    resumed.run_dir.add_history(row)
    before = (folder / "history.jsonl").read_bytes()
    monkeypatch.setattr("afterglow.core.training.history_files.read_bounded", _fail_to_read)
    assert resumed.run_dir.losses.rows() == []
    with pytest.raises(StorageError, match="input/output error"):
        resumed.run_dir.truncate_history(9)
    with pytest.raises(StorageError, match="input/output error"):
        resumed.run_dir.add_history(row)
    assert (folder / "history.jsonl").read_bytes() == before


def _fail_to_read(_: Path) -> bytes:
    raise OSError(errno.EIO, os.strerror(errno.EIO))
