"""A run that is resumed is the run that was never stopped, bit for bit; and every checkpoint that cannot be one."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from afterglow.core.errors import StorageError, TextError, TrainingError, UsageError
from afterglow.core.inference.model_file import Architecture, open_model_file
from afterglow.core.model import Model
from afterglow.core.text.corpus import read_corpus
from afterglow.core.text.tokenizer import CharTokenizer

torch = pytest.importorskip("torch")

from afterglow.core.training import checkpoint, run  # noqa: E402
from afterglow.core.training.calibration import supports_bf16  # noqa: E402
from afterglow.core.training.request import TrainRequest, as_command_line  # noqa: E402
from afterglow.core.training.schedule import initial_schedule  # noqa: E402
from afterglow.core.training.sizes import Dropout  # noqa: E402
from afterglow.core.training.train_config import TrainConfig  # noqa: E402
from afterglow.core.training.trainer import Checkpoint, Trainer  # noqa: E402

LAMP = Path(__file__).parent / "data" / "lamp.txt"
CORPUS = read_corpus(LAMP)
TOKENIZER = CharTokenizer.from_text(CORPUS.text)
IDS = TOKENIZER.encode(CORPUS.train_text[:]), [TOKENIZER.encode(part.text) for part in CORPUS.valid]
DROPOUT = Dropout(0.1, 0.2, 0.3, 0.2)


def trainer(width: int = 24, **recipe: Any) -> Trainer:
    torch.set_num_threads(1)
    chosen = {"epochs": 3.0, "batch_size": 4, "seq_len": 32, "evaluations": 4} | recipe
    made = Trainer(TrainConfig(Architecture(TOKENIZER.size, 8, 2, width), DROPOUT, **chosen), *IDS)
    plan = initial_schedule(
        made.config, len(IDS[0]), len(IDS[1][0]), bf16=supports_bf16(torch.device("cpu")), threads=1
    )
    # With a number a slow machine measures no speed.
    made.schedule = replace(plan, save_every=None if "minutes" in recipe else 1_000)
    return made


def left_at(step: int, width: int = 24) -> Checkpoint:
    made = trainer(width)
    for progress in made.run():
        if progress.step == step:
            break
    return made.make_checkpoint()


def same(one: Checkpoint, other: Checkpoint) -> bool:
    values = [{k: v for k, v in state.values.items() if k != "seconds"} for state in (one, other)]
    return values[0] == values[1] and all(
        np.array_equal(tensor, other.tensors[name], equal_nan=True) for name, tensor in one.tensors.items()
    )


@pytest.fixture(scope="module")
def never_stopped() -> Checkpoint:
    made = trainer()
    assert list(made.run())[-1].fraction == 1
    return made.make_checkpoint()


@pytest.mark.parametrize(("width", "muon"), [(8, True), (64, False)], ids=["Muon", "whole blocks for the kernel"])
def test_other_ways_to_learn_too_end_bit_for_bit_like_a_run_that_was_never_stopped(
    width: int, muon: bool, tmp_path: Path
) -> None:
    straight = trainer(width)
    assert straight.config.use_muon == muon
    list(straight.run())
    checkpoint.save(tmp_path, left_at(37, width), "run")
    state, _ = checkpoint.load_last_good(tmp_path, "run")
    assert state
    again = trainer(width)
    again.restore(state)
    list(again.run())
    assert same(again.make_checkpoint(), straight.make_checkpoint())


@pytest.mark.parametrize("step", [1, 17, 36, 37, 70, 100])
def test_a_resumed_run_ends_bit_for_bit_like_one_that_was_never_stopped(
    step: int, never_stopped: Checkpoint, tmp_path: Path
) -> None:
    """With dropout, random resets, another offset each epoch, an average, and a best model to keep."""
    checkpoint.save(tmp_path, left_at(step), "run")
    state, notes = checkpoint.load_last_good(tmp_path, "run")
    assert state
    assert notes == []
    again = trainer()
    again.restore(state)
    assert again.step == step
    list(again.run())
    assert same(again.make_checkpoint(), never_stopped)
    for name, tensor in again.result().state_dict().items():
        assert torch.isfinite(tensor).all(), name


def test_whoever_looks_at_the_model_on_the_way_changes_nothing(never_stopped: Checkpoint) -> None:
    looked_at = trainer()
    for progress in looked_at.run():
        if progress.step in (1, 20, 70):
            looked_at.result()
    assert same(looked_at.make_checkpoint(), never_stopped)


def test_a_state_that_lacks_its_dice_goes_another_way(never_stopped: Checkpoint) -> None:
    """Which shows that the comparison above would notice."""
    state = left_at(17)
    again = trainer()
    again.restore(Checkpoint({**state.tensors, "random": torch.get_rng_state().numpy()}, state.values))
    list(again.run())
    assert not same(again.make_checkpoint(), never_stopped)


def test_minutes_become_steps_that_a_resumed_run_keeps() -> None:
    made = trainer(epochs=float("inf"), minutes=0.02)
    for progress in made.run():
        if progress.save:
            break
    assert made.schedule
    assert made.schedule.total_steps
    again = trainer(epochs=float("inf"), minutes=0.02)
    again.restore(made.make_checkpoint())
    assert again.schedule == made.schedule
    assert list(again.run())[-1].step == made.schedule.total_steps


def test_a_loss_that_is_no_number_goes_back_to_the_last_good_state_at_half_the_rate() -> None:
    made, poisoned = trainer(), []

    def poison(gradient: Any) -> Any:
        if made.step == 20 and not poisoned:
            poisoned.append(True)
            return gradient * float("nan")
        return gradient

    made.model.projection.weight.register_hook(poison)
    notes = [progress.note for progress in made.run() if progress.note]
    assert notes == ["the loss was NaN at step 21: back to step 0, at 0.5 of the learning rate"]
    assert all(np.isfinite(tensor).all() for tensor in made.make_checkpoint().tensors.values())
    assert made.make_checkpoint().values["_rate"] == 0.5


def test_a_loss_that_stays_no_number_ends_the_run_in_one_line() -> None:
    made = trainer()
    made.model.projection.weight.register_hook(lambda gradient: gradient * float("nan"))
    with pytest.raises(TrainingError, match="NaN at step 1,"):
        list(made.run())


# Checkpoints --------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three checkpoints were saved here, of which two are kept."""
    for step in (3, 5, 9):
        checkpoint.save(tmp_path, left_at(step), "run")
    return tmp_path


def saved(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_the_newest_two_are_kept_and_the_newest_is_taken(folder: Path) -> None:
    assert len(saved(folder)) == checkpoint.CHECKPOINTS_TO_KEEP == 2
    state, _ = checkpoint.load_last_good(folder, "run")
    assert state
    assert state.values["step"] == 9


@pytest.mark.parametrize("damage", ["cut short", "a byte turned", "emptied", "header turned", "a pickle"])
def test_a_damaged_one_is_passed_over_for_the_one_before(folder: Path, damage: str) -> None:
    newest = saved(folder)[-1]
    data = bytearray(newest.read_bytes())
    data[-100 if damage == "a byte turned" else data.index(b"smooth")] ^= 1
    kinds = {"cut short": bytes(data[:1000]), "emptied": b"", "a pickle": pickle.dumps({"step": 9})}
    newest.write_bytes(kinds.get(damage, bytes(data)))
    state, notes = checkpoint.load_last_good(folder, "run")
    assert state
    assert state.values["step"] == 5
    assert notes == [f"{newest.name} is damaged and was skipped"]


def test_new_ones_stay_where_damaged_ones_are_further(folder: Path) -> None:
    damaged = saved(folder)
    for path in damaged:
        path.write_bytes(b"")
    for step in (1, 2):
        checkpoint.save(folder, left_at(step), "run")
    assert [path.name[:9] for path in saved(folder)] == ["000000001", "000000002"]


def test_where_all_are_damaged_there_is_none(folder: Path) -> None:
    for path in saved(folder):
        path.write_bytes(path.read_bytes()[:-1])
    state, notes = checkpoint.load_last_good(folder, "run")
    assert (state, len(notes)) == (None, 2)


def test_one_of_another_run_or_of_another_format_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrainingError, match="belongs to another run"):
        checkpoint.load_last_good(folder, "other")
    newer = checkpoint.FORMAT + 1
    monkeypatch.setattr(checkpoint, "FORMAT", newer)
    with pytest.raises(TrainingError, match=f"has format {newer - 1}, this release knows {newer}"):
        checkpoint.load_last_good(folder, "run")


# Runs ---------------------------------------------------------------------------------------------------------------


def wish(**changes: Any) -> TrainRequest:
    chosen = {"name": "mine", "paths": (str(LAMP),), "epochs": 2, "width": 24} | changes
    return TrainRequest(**chosen)


def test_a_run_that_is_not_finished_is_not_begun_over_by_mistake() -> None:
    run.start_run(wish())
    with pytest.raises(UsageError, match="--resume mine"):
        run.start_run(wish())
    run.start_run(wish(replace=True))


def test_a_text_that_has_changed_since_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_bytes(LAMP.read_bytes())
    run.start_run(wish(paths=(str(text),)))
    with text.open("a") as file:
        file.write("One more line.\n")
    with pytest.raises(TrainingError, match="has changed since the run 'mine' started"):
        run.resume_run("mine")
    text.unlink()
    with pytest.raises(TextError, match="no text file"):
        run.resume_run("mine")


def test_a_run_that_is_not_there_or_not_readable_is_told(home: Path) -> None:
    with pytest.raises(TrainingError, match="no unfinished run 'mine'; there are: none"):
        run.resume_run("mine")
    about = home / "runs" / "mine" / "run.json"
    run.start_run(wish())
    with pytest.raises(TrainingError, match="there are: mine"):
        run.resume_run("other")
    values = json.loads(about.read_bytes())
    about.write_text(json.dumps({**values, "format": 9}))
    with pytest.raises(TrainingError, match="has format 9"):
        run.resume_run("mine")
    about.write_text(json.dumps({**values, "recipe": {"layers": 2}}))
    with pytest.raises(TrainingError, match="another release"):
        run.resume_run("mine")
    about.write_bytes(b"{")
    with pytest.raises(TrainingError, match="damaged"):
        run.resume_run("mine")


def test_a_run_whose_folder_is_taken_or_gone_trains_on_and_disturbs_nobody(home: Path) -> None:
    for change in ("taken", "gone"):
        old = run.start_run(wish(replace=True))
        if change == "taken":
            new = run.start_run(wish(replace=True, epochs=3, width=16))
        else:
            shutil.rmtree(home / "runs" / "mine")
        progress = list(old.train())
        assert "no longer belongs to this run" in next(p.note for p in progress if p.note)
        assert progress[-1].fraction == 1
        if change == "taken":
            assert not new.run_dir.losses.rows()
            assert run.resume_run("mine").trainer.step == 0
        else:
            assert not (home / "runs" / "mine").exists()


def test_what_was_piped_in_stays_where_the_next_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def pipe(data: bytes) -> TrainRequest:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        return wish(paths=("-",), replace=True)

    run.start_run(pipe(LAMP.read_bytes()))
    with pytest.raises(TextError, match="too small"):
        run.start_run(pipe(b"A few words"))
    resumed = run.resume_run("mine")
    assert resumed.corpus.name == "standard input"
    assert resumed.corpus.text[:] == CORPUS.text[:]
    assert len(list(resumed.run_dir.path.glob("*/standard input"))) == 1
    run.start_run(pipe(LAMP.read_bytes() + b"!"))
    assert len(list(resumed.run_dir.path.glob("*/standard input"))) == 1


def test_what_was_piped_in_and_refused_is_not_kept(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"My private letter.")))
    with pytest.raises(TextError, match="too small"):
        run.start_run(wish(paths=("-",)))
    assert list((home / "runs").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in folders there")
def test_pipes_with_names_are_kept_like_standard_input(tmp_path: Path, home: Path) -> None:
    def pipes(*texts: bytes) -> TrainRequest:
        """As a shell makes them of <(…): files that can be read once."""
        for number, data in enumerate(texts):
            (tmp_path / f"{number}").unlink(missing_ok=True)
            os.mkfifo(tmp_path / f"{number}")
            threading.Thread(target=(tmp_path / f"{number}").write_bytes, args=(data,)).start()
        return wish(paths=tuple(str(tmp_path / f"{number}") for number in range(len(texts))), replace=True)

    with pytest.raises(TextError, match="too small"):
        run.start_run(pipes(b"A few words", b"and others"))
    assert list((home / "runs").iterdir()) == []
    half = len(CORPUS.text[:]) // 2
    begun = run.start_run(pipes(CORPUS.text[:half].encode(), CORPUS.text[half:].encode()))
    resumed = run.resume_run("mine")
    assert resumed.corpus.text[:] == begun.corpus.text[:]
    assert resumed.corpus.text[:].replace("\n", "") == CORPUS.text[:].replace("\n", "")


def test_a_model_to_go_on_from_is_found_again_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: Model
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny.file.save(tmp_path / "first.safetensors")
    begun = run.start_run(wish(parent="first.safetensors", epochs=1, width=None))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert same(run.resume_run("mine").trainer.make_checkpoint(), begun.trainer.make_checkpoint())
    assert begun.request.parent_name == "first.safetensors"
    assert "--from first.safetensors" in as_command_line(begun.request)


def test_where_a_run_goes_back_its_history_does_too() -> None:
    made, poisoned = run.start_run(wish(epochs=9, batch_size=4)), list[int]()

    def poison(gradient: Any) -> Any:
        if len(made.run_dir.losses.rows()) == 3 and not poisoned:
            poisoned.append(made.trainer.step)
            return gradient * float("nan")
        return gradient

    made.trainer.model.projection.weight.register_hook(poison)
    list(made.train())
    steps = [row.step for row in made.run_dir.losses.rows()]
    assert poisoned
    assert steps == sorted(set(steps))


def test_a_full_disk_does_not_end_a_run_that_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    made, poisoned = run.start_run(wish()), list[int]()

    def poison(gradient: Any) -> Any:
        if made.trainer.step == 3 and not poisoned:
            poisoned.append(3)
            return gradient * float("nan")
        return gradient

    def full(_: int) -> None:
        raise StorageError("no space left")

    list(zip(range(2), made.train(), strict=False))
    monkeypatch.setattr(made.run_dir, "truncate_history", full)
    made.trainer.model.projection.weight.register_hook(poison)
    progress = list(made.train())
    assert any("no space left; training continues" in each.note for each in progress)
    assert progress[-1].fraction == 1


def test_a_full_disk_stops_the_saving_and_not_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    made = run.start_run(wish())
    monkeypatch.setattr("afterglow.core.training.schedule.MEASURING_SECONDS", 0.0)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("afterglow.core.file_io.os.fsync", full)
    progress = list(made.train())
    assert "no space left on device" in next(p.note for p in progress if p.note)
    assert progress[-1].fraction == 1


QUICK = """
import sys
from afterglow.core.training import schedule, trainer
schedule.SAVE_INTERVAL_SECONDS, schedule.MEASURING_SECONDS = 0.05, 0.05
from afterglow.repl.__main__ import main
main()
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("bound", [("--epochs", "8"), ("--minutes", "0.15")], ids=str)
def test_killed_at_any_moment_it_ends_in_the_same_weights(tmp_path: Path, bound: tuple[str, str]) -> None:
    """One copy of a killed run goes on undisturbed, another is killed three times more."""
    first, calm, often = (tmp_path / name for name in ("first", "calm", "often"))
    _run(first, ["train", str(LAMP), "--name", "mine", *bound, "--width", "64"], kill_after=1)
    for home in (calm, often):
        shutil.copytree(first, home)
    _run(calm, ["train", "--resume", "mine"])
    for count in (1, 2, 1):
        _run(often, ["train", "--resume", "mine"], kill_after=count)
    _run(often, ["train", "--resume", "mine"])
    ends = [open_model_file(home / "models" / "mine.safetensors") for home in (calm, often)]
    assert ends[0].sha256 == ends[1].sha256


def _run(home: Path, arguments: list[str], kill_after: int = 0) -> None:
    """Run to the end, or kill -9 once so many further checkpoints have been written."""
    before = {path.name for path in (home / "runs").glob("*/*.checkpoint.*")}
    environment = {**os.environ, "AFTERGLOW_HOME": str(home)}
    command = [sys.executable, "-c", QUICK, *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as ran:  # noqa: S603
        while kill_after and ran.poll() is None:
            after = {path.name for path in (home / "runs").glob("*/[0-9]*.checkpoint.*")}
            if len(after - before) >= kill_after:
                ran.send_signal(signal.SIGKILL)
                break
            time.sleep(0.01)
        _, err = ran.communicate(timeout=200)
    assert ran.returncode == (-signal.SIGKILL if kill_after else 0), err.decode()
