"""Several processes train one model: the same losses as one with all the streams, and clean ends.

Real processes, started as torchrun starts them, which talk over gloo.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from afterglow.core.errors import UsageError
from afterglow.core.inference.model_file import open_model_file

torch = pytest.importorskip("torch")

from afterglow.core.training.distributed import SINGLE_PROCESS, ProcessGroup, init_distributed  # noqa: E402

LAMP = Path(__file__).parent / "data" / "lamp.txt"
QUICK = [str(LAMP), "--name", "mine", "--width", "24", "--layers", "1", "--dropout", "0"]


def start(size: int, *arguments: str) -> list[subprocess.Popen[str]]:
    """The verb in so many processes, each on one thread; only the first one's words are kept."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = []
    for rank in range(size):
        several = {
            "RANK": rank,
            "LOCAL_RANK": rank,
            "WORLD_SIZE": size,
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
        }
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **{k: str(v) for k, v in several.items()}}
        command = [sys.executable, "-m", "afterglow.repl", "train", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(command, env=environment, text=True, **pipes))  # type: ignore[call-overload]  # noqa: S603
    return started


def ended(processes: Sequence[subprocess.Popen[str]]) -> list[tuple[int, str, str]]:
    """Exit code, standard output and standard error of each."""
    told = [process.communicate(timeout=200) for process in processes]
    return [(process.returncode, out, err) for process, (out, err) in zip(processes, told, strict=True)]


def valid_bits(home: Path) -> list[float]:
    lines = (home / "models" / "mine.history.jsonl").read_text().splitlines()
    return [json.loads(line)["valid_bits"] for line in lines]


def until(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr
    assert any(words in line for line in iter(process.stderr.readline, ""))


@pytest.mark.slow
def test_two_processes_learn_what_one_does_with_all_the_streams(home: Path) -> None:
    """Without dropout nothing but the order of sums differs: the same curve, not just one like it."""
    curves = []
    for size in (1, 2):
        (code, out, err), *others = ended(start(size, *QUICK, "--epochs", "6", "--batch", "4", "--replace", "--json"))
        assert code == 0, err
        assert others == [(0, "", "")] * (size - 1)
        assert json.loads(out)["model"] == "mine"
        curves.append(valid_bits(home))
    assert len(curves[0]) > 5
    assert curves[1] == pytest.approx(curves[0], abs=2e-3)
    assert curves[0][-1] < curves[0][0] - 1


@pytest.mark.slow
def test_with_dropout_two_processes_learn_as_well(home: Path) -> None:
    ends = []
    for size in (1, 2):
        ran = ended(start(size, *QUICK[:-1], "1", "--epochs", "12", "--batch", "4", "--replace"))
        assert ran[0][0] == 0, ran[0][2]
        ends.append(min(valid_bits(home)))
    assert ends[1] == pytest.approx(ends[0], abs=0.1)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_control_c_ends_both_and_another_number_goes_on(home: Path) -> None:
    """Of the two only one hears of it."""
    processes = start(2, *QUICK, "--epochs", "30", "--batch", "4")
    until(processes[0], "(best)")
    processes[1].send_signal(signal.SIGINT)
    (code, out, err), (other, *said) = ended(processes)
    assert (code, other, said) == (130, 0, ["", ""]), err
    assert "resume with:\n    afterglow train --resume mine\n" in err
    assert "play it: afterglow --model mine" in out
    (code, _, err), *_ = ended(start(1, "--resume", "mine"))
    assert code == 0
    assert "resumed at step" in err
    assert open_model_file(home / "models" / "mine.safetensors").card.epochs == pytest.approx(30, abs=0.2)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_the_same_number_goes_on_bit_for_bit(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One copy of a stopped run goes on undisturbed, another is stopped once more. Each process has dice of its own."""
    _stopped(*QUICK[:-1], "1", "--epochs", "30", "--batch", "4")
    again = home.parent / "again"
    shutil.copytree(home, again)
    assert ended(start(2, "--resume", "mine"))[0][0] == 0
    monkeypatch.setenv("AFTERGLOW_HOME", str(again))
    _stopped("--resume", "mine")
    assert ended(start(2, "--resume", "mine"))[0][0] == 0
    files = [open_model_file(place / "models" / "mine.safetensors") for place in (home, again)]
    assert files[0].sha256 == files[1].sha256


def _stopped(*arguments: str) -> None:
    """Two processes, stopped by Ctrl-C behind their first validation."""
    processes = start(2, *arguments)
    until(processes[0], "validation ")
    for process in processes:
        process.send_signal(signal.SIGINT)
    assert [code for code, *_ in ended(processes)] == [130, 0]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_where_one_dies_the_other_says_how_to_go_on() -> None:
    processes = start(2, *QUICK, "--epochs", "400", "--batch", "4")
    until(processes[0], "(best)")
    processes[1].kill()
    code, _, err = ended(processes)[0]
    assert code == 1
    assert err.splitlines()[-1].endswith("restart all of them with --resume mine instead of the text")
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_text_that_cannot_be_learned_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("short")
    (code, out, err), other = ended(start(2, str(tmp_path / "short.txt"), "--name", "mine"))
    assert (code, out, err.count("\n"), other) == (1, "", 1, (1, "", ""))
    assert "too small to train on" in err


def test_rows_are_shared_out_evenly_or_not_at_all() -> None:
    assert [ProcessGroup(rank, 4).rows(8) for rank in range(4)] == [slice(0, 2), slice(2, 4), slice(4, 6), slice(6, 8)]
    with pytest.raises(UsageError, match="8 streams cannot be divided evenly among 3 processes"):
        ProcessGroup(0, 3).rows(8)


def test_alone_everything_is_what_it_is() -> None:
    assert (
        SINGLE_PROCESS.mean(2.0),
        SINGLE_PROCESS.any(True),
        SINGLE_PROCESS.any(False),
        SINGLE_PROCESS.broadcast(3.0),
        SINGLE_PROCESS.rows(5),
    ) == (
        2.0,
        True,
        False,
        3.0,
        slice(0, 5),
    )


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_gets_one_line(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    absent: Any = lambda: False  # noqa: E731
    monkeypatch.setattr(torch.cuda, "is_available", absent)
    monkeypatch.setattr(torch.backends.mps, "is_available", absent)
    with pytest.raises(UsageError, match=f"torch finds no {device} GPU here"):
        init_distributed(device)
    assert init_distributed("auto").device.type == init_distributed("cpu").device.type == "cpu"
