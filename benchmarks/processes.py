"""Whole processes: seconds to the first token, and peak memory. Linux only: the peak comes from /proc."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from benchmarks.results import ProcessResult

RUNS = 5

ONE_STEP = """
from afterglow.core.model import load
from benchmarks.implementations import IMPLEMENTATIONS
IMPLEMENTATIONS[sys.argv[1]](load(sys.argv[2]), 1)(1)
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
"""Code that prints the peak of resident memory, in KiB, as the last line of standard error."""


def first_token(implementation: str, model: str) -> ProcessResult:
    """Measure a process that loads the model, runs one step of an implementation, and exits."""
    return _measure(ONE_STEP, implementation, model)


def command(*arguments: str) -> ProcessResult:
    """Measure the command ``afterglow`` with these arguments."""
    return _measure(COMMAND_LINE, *arguments)


def _measure(program: str, *arguments: str) -> ProcessResult:
    _run(program, *arguments)  # fills the disk cache
    runs = [_run(program, *arguments) for _ in range(RUNS)]
    return {
        "seconds": statistics.median(run["seconds"] for run in runs),
        "peak_bytes": statistics.median(run["peak_bytes"] for run in runs),
    }


def _run(program: str, *arguments: str) -> ProcessResult:
    start = time.perf_counter()
    command = [sys.executable, "-c", REPORT_PEAK + program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return {"seconds": time.perf_counter() - start, "peak_bytes": 1024.0 * int(done.stderr.split()[-1])}
