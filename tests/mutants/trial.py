"""Runs tests in forked processes: each child makes one change to the code and stops at the first test that fails."""

from __future__ import annotations

import ast
import contextlib
import gc
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import SourceFileLoader
from itertools import zip_longest
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest

MAX_MEMORY = 4 << 30
"""Bytes of address space that a child may add to what it was forked with."""

OPTIONS = ("-p", "no:cacheprovider", "-p", "no:terminal", "-o", "addopts=--import-mode=importlib")
"""Options of pytest: without a terminal, in which the children would write."""

BROKEN = 70
"""Exit status of a child in which this program failed, not a test."""

IMPORT = "import"
"""What is given for the failed test if the tests could not even be imported."""


class Tests:
    """The collected tests, by id. A pytest plugin that hands them to ``work`` instead of running them."""

    def __init__(self, work: Callable[[Tests], Any]) -> None:
        self.items: dict[str, pytest.Item] = {}
        self.result: Any = IMPORT
        self.error: Exception | None = None
        self._work = work
        self._failed = ""

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if not session.testsfailed:
            self.items = {item.nodeid: item for item in session.items}
            try:
                self.result = self._work(self)
            except Exception as error:  # raised again by ``collect``; pytest would print and drop it
                self.error = error
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed = self._failed or (report.nodeid if report.failed else "")

    def run(self, order: Sequence[str], seconds: dict[str, float]) -> str:
        """Run tests in this order, each in at most some times its ``seconds``. Return the first that fails, or "".

        A parameter that is a changed constant gives its test another id; that test is left out.
        """
        self._failed = ""
        items = [self.items[name] for name in order if name in self.items]
        for item, following in zip_longest(items, items[1:]):
            _report_progress(item.nodeid)
            _limit_time(seconds.get(item.nodeid, 60.0))
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._failed:
                break
        return self._failed

    def trace(self, file: str) -> dict[str, Any]:
        """Run all tests. Return the lines of ``file`` that each ran, its seconds, and those that failed."""
        lines, seconds, failed = {}, {}, []
        for name in self.items:
            begun = time.perf_counter()
            with _record_lines(file) as ran:
                failed += [name] if self.run([name], {}) else []
            lines[name], seconds[name] = sorted(ran), time.perf_counter() - begun
        return {"lines": lines, "seconds": seconds, "failed": failed}


def collect(files: Sequence[str], work: Callable[[Tests], Any]) -> Any:
    """Collect the tests of some files and return the result of ``work``; IMPORT if they cannot be collected."""
    tests = Tests(work)
    pytest.main([*OPTIONS, "-m", "not slow", *files], plugins=[tests])
    if tests.error:
        raise tests.error
    return tests.result


def trace(files: Sequence[str], file: str) -> Any:
    """Return the result of ``Tests.trace``, and as "imported" the lines that ran on import; IMPORT if that failed."""
    with _record_lines(file) as imported:
        return collect(files, lambda tests: {**tests.trace(file), "imported": sorted(imported)})


@contextlib.contextmanager
def _record_lines(file: str) -> Iterator[set[int]]:
    ran: set[int] = set()

    def on_line(frame: FrameType, *_: object) -> Any:
        ran.add(frame.f_lineno)
        return on_line

    def on_call(frame: FrameType, *_: object) -> Any:
        return on_line(frame) if frame.f_code.co_filename == file else None

    threading.settrace(on_call)
    sys.settrace(on_call)
    try:
        yield ran
    finally:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]


_progress = -1


def _report_progress(line: str) -> None:
    os.write(_progress, f"{line}\n".encode())


def in_child(work: Callable[[], Any]) -> Any:
    """Return the result of ``work``, called in a forked process. It may be anything that JSON knows.

    A child that is killed, by its limits or by a crash, gives the id of the test that it was running.
    """
    folder = Path(tempfile.mkdtemp(prefix="mutants-"))
    pid = os.fork()
    if not pid:
        _become_child(folder, work)
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)  # what its tests started
    progress = (folder / "progress").read_text("utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == BROKEN:
        raise RuntimeError(progress)
    lines = progress.splitlines()
    return lines[-1] if status else json.loads(lines[-1])


def _become_child(folder: Path, work: Callable[[], Any]) -> None:
    global _progress
    os.setsid()
    os.environ["PYTEST_DEBUG_TEMPROOT"] = str(folder)
    quiet = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(quiet, number)
    _progress = os.open(folder / "progress", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    _report_progress(IMPORT)
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MAX_MEMORY, resource.RLIM_INFINITY))
        _limit_time(10)
        _report_progress(json.dumps(work()))
        os._exit(0)
    except Exception:
        _report_progress(traceback.format_exc())
        os._exit(BROKEN)
    except BaseException:  # a test, or what it runs, ends the process
        os._exit(1)


def _limit_time(seconds: float) -> None:
    """End this process if what follows takes much longer than ``seconds``, in the processor's time or waiting."""
    spent = sum(os.times()[:2])
    resource.setrlimit(resource.RLIMIT_CPU, (int(spent + 3 + 3 * seconds), resource.RLIM_INFINITY))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(int(10 + 10 * seconds))


def swap_function(tree: ast.Module, file: str, function: tuple[str, int]) -> bool:
    """Give the functions of this name and line in ``file`` the code that they have in ``tree``.

    Returns False if there is none, or if it uses other variables of the function around it.
    """
    new = next(c for c in _functions(compile(tree, file, "exec")) if (c.co_name, c.co_firstlineno) == function)
    found = [f for f in gc.get_objects() if type(f) is FunctionType and f.__code__.co_filename == file]
    found = [f for f in found if (f.__code__.co_name, f.__code__.co_firstlineno) == function]
    if not found or any(f.__code__.co_freevars != new.co_freevars for f in found):
        return False
    for f in found:
        f.__code__ = new
    return True


def _functions(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of the functions and methods of a module or class."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            if not constant.co_flags & 1:  # a class body
                yield from _functions(constant)


def change_import(tree: ast.Module, file: str) -> None:
    """Let every import of ``file`` give the module in ``tree``."""
    get_code = SourceFileLoader.get_code

    def changed(loader: SourceFileLoader, name: str) -> CodeType | None:
        return compile(tree, file, "exec") if loader.path == file else get_code(loader, name)

    SourceFileLoader.get_code = changed  # type: ignore[method-assign, assignment]
