"""Whole processes: how long until the first token, and the peak of memory. Linux only: it asks the kernel."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

RUNS = 5

PROGRAM = """
import sys
from afterglow.core.model import load
from benchmarks.ways import WAYS
WAYS[sys.argv[1]](load(sys.argv[2]), 1)(1)
"""


class Process(NamedTuple):
    """Medians over runs."""

    seconds: float
    peak_bytes: float


def first_token(way: str, model: str) -> Process:
    """A process that loads the model, steps it once the given way, and ends."""
    return _measured([sys.executable, "-c", PROGRAM, way, model])


def command(*arguments: str) -> Process:
    """The command line with these arguments."""
    return _measured([sys.executable, "-m", "afterglow.repl", *arguments])


def _measured(command: list[str]) -> Process:
    _run(command)  # the first one fills the disk cache
    runs = [_run(command) for _ in range(RUNS)]
    return Process(*(statistics.median(column) for column in zip(*runs, strict=True)))


def _run(command: list[str]) -> Process:
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return Process(time.perf_counter() - begun, usage.ru_maxrss * 1024)
