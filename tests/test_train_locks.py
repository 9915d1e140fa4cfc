"""Two processes never train one name, and a signal that would end training saves it first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("torch")

from afterglow.core.training import run as training_run
from afterglow.core.training.request import TrainRequest
from afterglow.core.training.trainer import TrainProgress
from afterglow.repl.cli.train_run import STOP_SIGNALS, catch_interrupt

from .cli_helpers import RunCli

LAMP = Path(__file__).parent / "data" / "lamp.txt"

HOLDER = """
import sys
from afterglow.core.training.run_dir import lock_run
with lock_run("mine"):
    print("locked", flush=True)
    sys.stdin.read()
"""


@contextmanager
def trained_elsewhere() -> Iterator[subprocess.Popen[str]]:
    """A process that holds the name ``mine`` as training does, until the block ends."""
    command = [sys.executable, "-c", HOLDER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:  # noqa: S603
        assert holder.stdout
        assert holder.stdout.readline() == "locked\n"
        yield holder
        holder.kill()


def test_a_name_that_is_being_trained_is_refused_until_that_process_ends(run: RunCli, home: Path) -> None:
    new = ["train", str(LAMP), "--name", "mine", "--epochs", "0.2", "--width", "8"]
    with trained_elsewhere() as holder:
        for arguments in (new, [*new, "--replace"], ["train", "--resume", "mine"]):
            refused = run(*arguments)
            assert (refused.code, refused.out) == (1, "")
            assert refused.err.startswith(f"afterglow: mine is being trained by process {holder.pid}; wait until")
            assert refused.err.count("\n") == 1
        assert not (home / "runs").exists()
        assert run("train", str(LAMP), "--name", "other", "--epochs", "0.2", "--width", "8").code == 0
    assert run(*new).code == 0  # the holder was killed


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_each_stop_signal_is_noted_once_and_only_a_second_ctrl_c_ends_at_once(number: signal.Signals) -> None:
    with catch_interrupt() as stop:
        assert not stop.pressed
        signal.raise_signal(number)
        assert stop.pressed
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_hangup_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with catch_interrupt() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert not stop.pressed
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_terminal_that_closes_leaves_a_run_to_resume_and_a_model(home: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    arguments = ["-m", "afterglow.repl", "train", str(LAMP), "--name", "mine", "--epochs", "100", "--width", "32"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TERM": "dumb"}
    terminal = pexpect.spawn(sys.executable, arguments, env=environment, timeout=120, encoding="utf-8")
    terminal.expect("(best)")
    os.close(terminal.child_fd)
    terminal.wait()
    assert terminal.exitstatus == 128 + signal.SIGHUP
    assert (home / "models" / "mine.safetensors").exists()
    assert training_run.resume_run("mine").trainer.step > 0


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_with_128_and_its_number_and_the_run_can_be_resumed(
    run: RunCli, home: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """So that ``train && publish`` goes on with whole models only."""
    steps = training_run.TrainingRun.train

    def interrupted(self: training_run.TrainingRun) -> Iterator[TrainProgress]:
        for progress in steps(self):
            signal.raise_signal(number)
            yield progress

    monkeypatch.setattr(training_run.TrainingRun, "train", interrupted)
    monkeypatch.setattr("afterglow.repl.cli.train_run.print_plan", lambda _: None)
    stopped = run("train", str(LAMP), "--name", "mine", "--epochs", "5", "--width", "8", "--layers", "1")
    assert stopped.code == 128 + number
    assert "stopped at step 1, epoch 0.0, and saved; resume with:" in stopped.err
    assert (home / "models" / "mine.safetensors").exists()
    assert training_run.resume_run("mine").trainer.step == 1


@pytest.mark.parametrize(
    ("moment", "error"),
    [
        ("core.training.run._build_run", KeyboardInterrupt),
        ("repl.cli.train_run.print_plan", KeyboardInterrupt),
        ("repl.cli.train_run.print_plan", None),
    ],
)
def test_ctrl_c_before_the_first_step_leaves_nothing(
    run: RunCli, home: Path, monkeypatch: pytest.MonkeyPatch, moment: str, error: type[BaseException] | None
) -> None:
    """In whatever way it comes: while the run is being made, or while its plan is printed and it is only noted."""

    def stop(*_: object) -> None:
        if error:
            raise error
        signal.raise_signal(signal.SIGINT)

    new = ["train", "-", "--name", "mine", "--epochs", "0.2", "--width", "8", "--layers", "1"]
    with monkeypatch.context() as patch:
        patch.setattr(f"afterglow.{moment}", stop)
        assert run(*new, stdin=LAMP.read_bytes()).code == 130
    assert not (home / "runs" / "mine").exists()


def test_ctrl_c_leaves_a_run_that_is_resumed(run: RunCli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training_run.start_run(TrainRequest("mine", (str(LAMP),), epochs=0.2, width=8, layers=1))
    with monkeypatch.context() as patch:
        patch.setattr("afterglow.repl.cli.train_run.print_plan", lambda _: signal.raise_signal(signal.SIGINT))
        assert run("train", "--resume", "mine").code == 130
    assert (home / "runs" / "mine" / "run.json").exists()
