"""Whole processes: how long until the first token, and the peak of memory. On Linux: the kernel is asked for it."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import NamedTuple

RUNS = 5

ONE_STEP = """
from afterglow.core.model import load
from benchmarks.ways import WAYS
WAYS[sys.argv[1]](load(sys.argv[2]), 1)(1)
"""

COMMAND_LINE = """
from afterglow.repl.__main__ import main
main()
"""

REPORT_PEAK = """
import atexit, sys
def peak():
    lines = open("/proc/self/status").read().split("\\n")
    print(next(line.split()[1] for line in lines if line.startswith("VmHWM")), file=sys.stderr)
atexit.register(peak)
"""


class Process(NamedTuple):
    """Medians over runs."""

    seconds: float
    peak_bytes: float


def first_token(way: str, model: str) -> Process:
    """A process that loads the model, steps it once the given way, and ends."""
    return _measure(ONE_STEP, way, model)


def command(*arguments: str) -> Process:
    """The command line with these arguments."""
    return _measure(COMMAND_LINE, *arguments)


def _measure(program: str, *arguments: str) -> Process:
    _run(program, *arguments)  # the first one fills the disk cache
    runs = [_run(program, *arguments) for _ in range(RUNS)]
    return Process(*(statistics.median(column) for column in zip(*runs, strict=True)))


def _run(program: str, *arguments: str) -> Process:
    begun = time.perf_counter()
    command = [sys.executable, "-c", REPORT_PEAK + program, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return Process(time.perf_counter() - begun, 1024.0 * int(ran.stderr.split()[-1]))
