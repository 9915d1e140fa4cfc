"""One case: the edits of its seed, and the judgement of what a target does with them."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import traceback
from pathlib import Path
from random import Random
from typing import NamedTuple

from afterglow import core
from afterglow.core.errors import AfterglowError

from .mutation import Edit, edited, edited_bytes
from .target import Target

PACKAGE = Path(core.__file__).parents[1]
"""Folder of the package."""

LONGEST_MESSAGE = 300
"""Characters of an error."""

ADDRESS_SPACE = 4 << 30
"""Bytes that a worker may add to its address space."""

MEMORY = 128 << 20
"""Bytes by which a case may raise the peak of memory, besides eight times the size of its file."""


class Case(NamedTuple):
    """A case: its name (a seed, or the reason why it is kept) and its edits; None: those of the seed."""

    name: str
    edits: list[Edit] | None = None

    def with_edits(self, target: Target, size: int) -> Case:
        """Return the case with edits, drawn if it is a seed. ``size`` is that of the valid file, in bytes."""
        if self.edits is not None:
            return self
        return self._replace(edits=target.random_edits(Random(f"{target.name}:{self.name}"), size))


class Outcome(NamedTuple):
    """The outcome of a case: "works", "refused" or "found". ``what`` says what was found and where."""

    case: str
    kind: str
    what: str = ""
    edits: list[Edit] | None = None


def run_case(target: Target, case: Case) -> Outcome:
    """Return the outcome of a case, unless it ends the process."""
    edits = case.edits or []
    data = edited_bytes(target.pack(edited(target.sample, edits)), edits)
    before = _reset_peak()
    try:
        target.use(data, edits)
        kind, what = "works", ""
    except AfterglowError as error:
        what = _fault_of(error, target.promises)
        kind = "found" if what else "refused"
    except Exception as error:
        kind, what = "found", f"{type(error).__name__} {_place(error)}: {str(error)[-160:]!r}"
    grown = _peak() - before
    if grown > MEMORY + 8 * len(data):
        kind, what = "found", f"{grown >> 20} MB for a file of {len(data):,} bytes"
    return Outcome(case.name, kind, what, edits if kind == "found" else None)


def _fault_of(error: AfterglowError, promises: tuple[type[AfterglowError], ...]) -> str:
    """Return what is wrong with an error that was raised on purpose, "" if nothing is."""
    message = str(error)
    if not isinstance(error, promises):
        return f"{type(error).__name__} is not what the reader promises, {_place(error)}: {message[:80]!r}"
    if not message.isprintable() or not message:
        return f"a message that is not one printable line, {_place(error)}: {message[:120]!r}"
    if len(message) > LONGEST_MESSAGE:
        return f"a message of {len(message):,} characters, {_place(error)}: {message[:120]!r}"
    return ""


def _place(error: BaseException) -> str:
    """Return file, line and function of the innermost frame in the package, or in the fuzzer if there is none."""
    frames = list(traceback.extract_tb(error.__traceback__))
    folders = tuple(str(PACKAGE / name) + os.sep for name in ("core", "repl", "bot"))
    frame = ([frame for frame in frames if frame.filename.startswith(folders)] or frames)[-1]
    return f"in {'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno} {frame.name}"


def describe_end(status: int, errors: str) -> str:
    """Return how a worker ended, from its wait status and what it printed."""
    if not os.WIFSIGNALED(status):
        return f"the process ended with code {os.waitstatus_to_exitcode(status)}"
    number = signal.Signals(os.WTERMSIG(status))
    last = "".join(errors.strip().splitlines()[-1:])[:100]
    hang = number in (signal.SIGPROF, signal.SIGKILL)
    return f"{'a hang' if hang else 'a crash'}: {number.name} {last}".rstrip()


def limit_address_space() -> None:
    """Let this process add ``ADDRESS_SPACE`` at most, so that a case without bounds ends in MemoryError."""
    with contextlib.suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + ADDRESS_SPACE
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _reset_peak() -> int:
    """Let the peak of memory begin at what is in use, and return it in bytes."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    """Return the peak of memory in bytes; 0 where the system does not say."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) << 10
    return 0
