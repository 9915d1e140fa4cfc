"""A disk that is full when training ends: the model is never lost while it is in memory, and what is said is true.

The limit on the size of a file, which the kernel holds, stands for the full disk. It begins after the first step.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from afterglow.core.errors import StorageError
from afterglow.core.model import load

pytest.importorskip("torch")

from afterglow.core.training import checkpoint, run
from afterglow.core.training.disk_space import require_space
from afterglow.core.training.request import TrainRequest
from afterglow.core.training.train_config import checkpoint_bytes

if os.name != "posix":
    pytest.skip("limits as POSIX has them", allow_module_level=True)

LAMP = Path(__file__).parent / "data" / "lamp.txt"
OPTIONS = ["train", str(LAMP), "--name", "mine", "--epochs", "0.2", "--width", "16"]

PROGRAM = """
import resource, sys
from afterglow.core.training import run, trainer
from afterglow.repl.cli import train_save
from afterglow.repl.__main__ import main

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

train_save.RETRY_SECONDS, train_save.RETRY_INTERVAL = 0.0, 0.0
{extra}
finish_step = trainer.Trainer._finish_step
def finish_then_fill_disk(self, save):
    limit({limit})
    return finish_step(self, save)
trainer.Trainer._finish_step = finish_then_fill_disk
main()
"""


def train(limit: int, extra: str = "", stdin: bytes = b"", options: list[str] = OPTIONS) -> tuple[int, str, str]:
    """Train on a disk that becomes full. Return exit code, standard output and standard error."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROGRAM.format(limit=limit, extra=extra), *options]
    ran = subprocess.run(command, env=environment, input=stdin, capture_output=True, check=False)  # noqa: S603
    return ran.returncode, ran.stdout.decode(), ran.stderr.decode()


def test_without_room_for_model_and_checkpoints_training_does_not_begin(home: Path) -> None:
    command = f'ulimit -f 20; exec "{sys.executable}" -m afterglow.repl {" ".join(OPTIONS)}'
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)  # noqa: S603, S607
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert "training needs" in ran.stderr
    assert "file too large; make room" in ran.stderr
    assert list((home / "runs").iterdir()) == []


def test_a_model_that_fits_nowhere_is_lost_and_resuming_does_what_is_said(home: Path) -> None:
    code, out, err = train(4_000)
    assert (code, out) == (1, "")
    assert "The trained model is only in memory now" in err
    assert err.endswith("the trained model is lost: afterglow train --resume mine trains it again from the beginning\n")
    assert not list((home / "models").glob("*"))
    resumed = run.resume_run("mine")
    assert resumed.trainer.step == 0


def test_a_model_waits_in_memory_until_there_is_room(home: Path) -> None:
    extra = "train_save.RETRY_SECONDS = 60.0\ntrain_save.time.sleep = lambda _: limit(resource.RLIM_INFINITY)"
    code, out, err = train(4_000, extra)
    assert (code, "only in memory" in err) == (0, True), err
    assert "play it: afterglow --model mine\n" in out
    assert load("mine").generate("The lamp", length=9)
    assert not (home / "runs" / "mine").exists()


def room_in(folder: Path) -> str:
    """Code that makes room for what is saved in ``folder``."""
    return f"""
from pathlib import Path
from afterglow.core.inference.model_file import ModelFile
save = ModelFile.save
def save_with_room_there(self, path):
    limit(resource.RLIM_INFINITY if path.parent == Path({str(folder)!r}) else 4_000)
    save(self, path)
ModelFile.save = save_with_room_there
"""


def test_a_model_goes_to_another_place_if_the_library_has_no_room(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    code, out, err = train(4_000, f"import tempfile\ntempfile.tempdir = {str(other)!r}\n{room_in(other)}")
    path = other / "mine.safetensors"
    assert code == 0, err
    assert list(other.glob("mine*")) == [path]
    assert f"play it: afterglow --model {path}\n" in out
    assert load(str(path)).generate("The lamp", length=9)
    assert path.stat().st_mode & 0o777 == 0o600


def test_on_a_terminal_the_user_names_another_place(tmp_path: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    taken, other = tmp_path / "taken", tmp_path / "other"
    taken.mkdir()
    (taken / "mine.safetensors").write_bytes(b"mine")
    program = PROGRAM.format(limit=4_000, extra=room_in(other))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TERM": "dumb"}
    terminal = pexpect.spawn(sys.executable, ["-c", program, *OPTIONS], env=environment, timeout=120, encoding="utf-8")
    for answer in ("", "~nobody-is-called-this", str(taken), str(other)):
        terminal.expect("press Enter, or type a folder")
        terminal.sendline(answer)
    terminal.expect("play it: afterglow --model")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert (taken / "mine.safetensors").read_bytes() == b"mine"
    assert load(str(other / "mine.safetensors")).generate("The lamp", length=9)


def test_with_room_for_a_checkpoint_only_the_run_goes_on_at_its_end() -> None:
    extra = """
from afterglow.core.training.run_dir import RunDir
save = RunDir.save
def save_with_room(self, state):
    limit(resource.RLIM_INFINITY)
    save(self, state)
    limit(4_000)
RunDir.save = save_with_room
"""
    code, _, err = train(4_000, extra)
    assert code == 1
    assert err.endswith("make room, then: afterglow train --resume mine\n")
    assert "lost" not in err
    resumed = run.resume_run("mine")
    assert list(resumed.train()) == []
    assert resumed.trainer.step > 0


def test_older_checkpoints_make_room_for_the_model(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from afterglow.core.errors import StorageError
    from afterglow.core.inference.model_file import ModelFile
    from afterglow.repl.cli.train_save import save_model

    made = run.start_run(TrainRequest("mine", (str(LAMP),), epochs=1, width=16))
    for _ in zip(range(3), made.train(), strict=False):
        made.save_checkpoint()
    save = ModelFile.save

    def save_if_room(self: ModelFile, path: Path) -> None:
        if checkpoint.count(made.run_dir.path) > 1:
            raise StorageError("no space left on device")
        save(self, path)

    monkeypatch.setattr(ModelFile, "save", save_if_room)
    assert save_model(made, made.measure()[0]) == home / "models" / "mine.safetensors"
    assert run.resume_run("mine").trainer.step == 3


def test_a_checkpoint_is_as_large_as_was_tried(home: Path) -> None:
    made = run.start_run(TrainRequest("mine", (str(LAMP),), epochs=1, width=64))
    next(made.train())
    made.save_checkpoint()
    size = next(made.run_dir.path.glob(f"*{checkpoint.CHECKPOINT_SUFFIX}")).stat().st_size
    assert size <= 1.1 * checkpoint_bytes(made.trainer.config) <= 1.4 * size
    assert len(list((home / "runs").iterdir())) == 1


def test_more_than_the_disk_has_is_refused_without_filling_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reserved: list[int] = []
    monkeypatch.setattr(os, "posix_fallocate", lambda _handle, _offset, size: reserved.append(size), raising=False)
    with pytest.raises(StorageError, match="no space left on device; make room"):
        require_space(tmp_path, [1 << 20, 1 << 60])
    assert reserved == []
    require_space(tmp_path, [1 << 20, 2 << 20])
    assert reserved == [1 << 20, 2 << 20]
