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
    assert terminal.exitstatus == 0
    assert (home / "models" / "mine.safetensors").exists()
    assert training_run.resume_run("mine").trainer.step > 0
