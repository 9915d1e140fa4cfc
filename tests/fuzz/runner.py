"""Runs cases in forked workers, so that a crash or a hang ends a worker and is blamed on its case."""

from __future__ import annotations

import json
import os
import select
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator

from .case import Case, Outcome, describe_end, limit_address_space, run_case
from .target import Target

SILENCE = 120.0
"""Seconds without a word of a worker after which it is killed. Long, since the machine may be busy."""


def run_cases(make_target: Callable[[], Target], cases: Iterable[Case], cpu_seconds: float) -> Iterator[Outcome]:
    """Yield the outcome of each case. A worker runs one after another; after a crash the next worker goes on."""
    left = list(cases)
    while left:
        done = 0
        for outcome in _run_worker(make_target, left, cpu_seconds):
            done += 1
            yield outcome
        left = left[done:]


def _run_worker(make_target: Callable[[], Target], cases: list[Case], cpu_seconds: float) -> Iterator[Outcome]:
    """Yield the outcomes of cases up to the first that ends the worker, which is the last outcome."""
    reader, writer = os.pipe()
    with tempfile.TemporaryFile() as errors:
        worker = os.fork()
        if not worker:
            _work(make_target, cases, cpu_seconds, writer, errors.fileno())
        os.close(writer)
        current = None
        for line in _lines(reader, worker):
            said = json.loads(line)
            current = Case(*said) if len(said) == 2 else None
            if current is None:
                yield Outcome(*said)
        os.close(reader)
        _, status = os.waitpid(worker, 0)
        errors.seek(0)
        text = errors.read().decode(errors="replace")
    if current is None and status:
        raise RuntimeError(f"a worker ended outside of a case: {describe_end(status, text)}\n{text}")
    if current is not None:
        yield Outcome(current.name, "found", describe_end(status, text), current.edits)


def _lines(reader: int, worker: int) -> Iterator[bytes]:
    """Yield the worker's lines. Kill it if it says nothing for ``SILENCE``."""
    rest = b""
    while True:
        if not select.select([reader], [], [], SILENCE)[0]:
            os.kill(worker, signal.SIGKILL)
        block = os.read(reader, 1 << 16)
        if not block:
            return
        *lines, rest = (rest + block).split(b"\n")
        yield from lines


def _work(make_target: Callable[[], Target], cases: list[Case], cpu_seconds: float, writer: int, errors: int) -> None:
    """Run cases in this process, say before and after each what it is, and exit."""
    code = 1
    try:
        for stream in (1, 2):
            os.dup2(errors, stream)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        target = make_target()
        size = len(target.pack(target.sample))
        limit_address_space()
        for case in cases:
            case = case.with_edits(target, size)
            os.write(writer, json.dumps(case).encode() + b"\n")
            signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
            outcome = run_case(target, case)
            signal.setitimer(signal.ITIMER_PROF, 0)
            os.write(writer, json.dumps(outcome).encode() + b"\n")
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)
