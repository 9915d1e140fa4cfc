"""Locks: one holder at a time, known by its number, and none after the holder was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from afterglow.core.errors import LockHeldError, StorageError
from afterglow.core.file_io import private_file
from afterglow.core.file_locks import hold_lock
from afterglow.core.paths import lock_file

HOLDING = """
import sys
from pathlib import Path
from afterglow.core.file_locks import hold_lock
with hold_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""

COUNTING = """
import sys
from pathlib import Path
from afterglow.core.file_locks import hold_lock
lock, count = Path(sys.argv[1]), Path(sys.argv[2])
for _ in range(100):
    with hold_lock(lock, timeout=60):
        count.write_text(str(int(count.read_text()) + 1))
"""


@pytest.fixture
def lock(home: Path) -> Path:
    assert lock_file("names").is_relative_to(home)
    return private_file(lock_file("names"))


def start(code: str, *paths: Path) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", code, *map(str, paths)]
    return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603


@contextmanager
def held(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock until it reads a line."""
    with start(HOLDING, lock) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process


def test_a_lock_that_another_process_holds_is_refused_and_its_holder_named(lock: Path) -> None:
    with held(lock) as process:
        with pytest.raises(LockHeldError, match=f"in use by process {process.pid}") as caught, hold_lock(lock):
            pass
        assert caught.value.holder == process.pid
        process.communicate("end\n", timeout=60)


@pytest.mark.parametrize("end", ["killed", "ended"])
def test_a_lock_is_free_after_its_holder(lock: Path, end: str) -> None:
    with held(lock) as process:
        process.kill() if end == "killed" else process.communicate("end\n", timeout=60)
        process.wait(60)
    with hold_lock(lock):
        assert lock.read_text() == str(os.getpid())
    with hold_lock(lock):
        pass


def test_one_process_cannot_hold_a_lock_twice(lock: Path) -> None:
    with hold_lock(lock), pytest.raises(LockHeldError) as caught, hold_lock(lock):
        pass
    assert caught.value.holder == os.getpid()


def test_a_lock_is_freed_by_an_exception(lock: Path) -> None:
    with pytest.raises(KeyError), hold_lock(lock):
        raise KeyError
    with hold_lock(lock):
        pass


def test_processes_that_wait_for_a_lock_take_turns(lock: Path, tmp_path: Path) -> None:
    count = tmp_path / "count"
    count.write_text("0")
    processes = [start(COUNTING, lock, count) for _ in range(3)]
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert count.read_text() == "300"


def test_a_lock_file_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot use") as caught, hold_lock(tmp_path / "none.lock"):
        pass
    assert "\n" not in str(caught.value)
