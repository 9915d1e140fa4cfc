"""Lets the nth file operation of a save fail, or the process die at it, for every n until the save runs through.

A case is a class, in a file of cases that defines ``CASES``:

    class Presets:
        def prepare(self) -> None: ...                  # what is saved before the walk
        def save(self) -> Iterator[str]: ...            # the saves under test; yields a word after each that succeeds
        def check(self, done: list[str]) -> None: ...   # asserts that what was saved is there, and that all is whole

For each fault and each n an untouched copy of the data folder is made, and a child process is forked that runs the
case on it with the fault. If a save raises an AfterglowError but a UsageError, the same process checks, saves again
without the fault, and checks again. If the process dies, another one does so. No other exception may escape, and no
temporary file may stay, unless its deletion is what fails.

The faults are injected by fault_shim.c in place of the C library's calls, and so meet Python, SQLite and Rust alike.
Not seen: memory maps, and Rust libraries that make system calls themselves (the rename of safetensors' ``save_file``).
``python tests/fault_injection.py tests/fault_cases.py [CASE …]`` prints the table of all walks, through every
operation, or through every third from the first with ``EVERY=3``.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple, Protocol

from afterglow.core.errors import AfterglowError, UsageError

HERE = Path(__file__).parent

DIED = 77
"""Exit code of a process that the shim has ended."""

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
"""Folder in memory, where a sync takes no time."""

CHILD_SECONDS = 60
"""Seconds after which a child that hangs is ended."""


class Fault(NamedTuple):
    """Letters of the operations that it can meet, the shim's action, and the error."""

    kinds: str
    action: int
    error: int = 0


COUNT, FAIL_ONCE, FAIL_FROM, DIE, TEAR = range(5)

OPERATIONS = {
    "c": "create",
    "o": "open to read",
    "O": "open to write",
    "r": "read",
    "w": "write",
    "t": "truncate",
    "s": "sync",
    "m": "rename",
    "u": "unlink",
    "d": "mkdir",
    "p": "chmod",
}

ALL = "".join(OPERATIONS)
GROWING = "cwtsmd"
PERMITTED = "coOmudp"

FAULTS = {
    "no space once": Fault(GROWING, FAIL_ONCE, errno.ENOSPC),
    "disk full from there on": Fault(GROWING, FAIL_FROM, errno.ENOSPC),
    "I/O error": Fault(ALL, FAIL_ONCE, errno.EIO),
    "no permission": Fault(PERMITTED, FAIL_ONCE, errno.EACCES),
    "death": Fault(ALL, DIE),
    "death amid a write": Fault("w", TEAR),
}


class Case(Protocol):
    """Saves to be walked through. ``prepare`` runs once; a new instance is made in each process."""

    def prepare(self) -> None: ...
    def save(self) -> Iterator[str]: ...
    def check(self, done: list[str]) -> None: ...


class Walk(NamedTuple):
    """Result of a walk: number of points, and how many of them ended how."""

    case: str
    fault: str
    points: int
    ends: dict[str, int]

    def __str__(self) -> str:
        ends = ", ".join(f"{number} {end}" for end, number in sorted(self.ends.items()))
        return f"{self.case:<22} {self.fault:<24} {self.points:>4} points: {ends}"


# In a test ----------------------------------------------------------------------------------------------------------


def build_shim(folder: Path) -> Path | None:
    """Compile the shim into ``folder``. None if this is not Linux, or there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if sys.platform != "linux" or compiler is None:
        return None
    library = folder / "fault_shim.so"
    arguments = [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(HERE / "fault_shim.c"), "-ldl"]
    subprocess.run(arguments, check=True)  # noqa: S603
    return library


def walk_case(shim: Path, cases: Path, name: str, every: int = 1) -> list[Walk]:
    """Walk all faults through a case, in a process of its own. Raises AssertionError with what went wrong."""
    environment = {**os.environ, "LD_PRELOAD": str(shim), "EVERY": str(every)}
    arguments = [sys.executable, __file__, "--json", str(cases), name]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True)  # noqa: S603
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return [Walk(*row) for row in json.loads(done.stdout)]


# In the process that has the shim ------------------------------------------------------------------------------------


class Shim:
    """The functions of the preloaded shim."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(os.environ["LD_PRELOAD"])
        self._library.fault_log.restype = ctypes.c_char_p
        self._library.fault_count.restype = ctypes.c_long

    def arm(self, folder: Path, fault: Fault, n: int) -> None:
        where, kinds = os.fsencode(folder), fault.kinds.encode()
        self._library.fault_arm(where, kinds, ctypes.c_long(n), fault.action, fault.error)

    def disarm(self) -> None:
        self._library.fault_disarm()

    def count(self) -> int:
        return int(self._library.fault_count())

    def log(self) -> list[str]:
        """Return the counted operations, each as letter, space and path below the folder."""
        return os.fsdecode(self._library.fault_log()).splitlines()


class Walker:
    """Walks faults through one case, in ``folder``."""

    def __init__(self, name: str, case: type[Case], folder: Path) -> None:
        self._name = name
        self._case = case
        self._shim = Shim()
        self._before = folder / "before"
        self._home = folder / "home"
        self._done = folder / "done"
        self._home.mkdir(parents=True)
        os.environ["AFTERGLOW_HOME"] = str(self._home)
        self._require_success(self._in_child(lambda: self._case().prepare()), "prepare")
        self._home.rename(self._before)

    def walk(self, fault_name: str) -> Walk:
        """Walk one fault through every operation that it can meet, or every nth as ``EVERY`` says."""
        ends: Counter[str] = Counter()
        for n in count(1, int(os.environ.get("EVERY", "1"))):
            end = self._visit(FAULTS[fault_name], n, f"{self._name}, {fault_name}, operation {n}")
            if end == "not reached":
                return Walk(self._name, fault_name, ends.total(), dict(ends))
            ends[end] += 1
        raise AssertionError

    def _visit(self, fault: Fault, n: int, where: str) -> str:
        """Let operation ``n`` fail, and check. Return how it ended: not reached, saved, refused or died."""
        shutil.rmtree(self._home, ignore_errors=True)
        shutil.copytree(self._before, self._home, symlinks=True)
        self._done.write_bytes(b"")
        ends = {0: "saved", 3: "refused", 4: "not reached", DIED: "died"}
        status = self._in_child(lambda: self._attempt(fault, n))
        self._require_success(0 if status in ends else status, where)
        if status == DIED:
            self._require_success(self._in_child(self._recover), f"{where}, after the death")
        return ends[status]

    def _attempt(self, fault: Fault, n: int) -> None:
        """Run the case with the fault, check it, and run it again without. Ends the process with how it ended."""
        case = self._case()
        self._shim.arm(self._home, fault, n)
        saved = self._save(case)
        self._shim.disarm()
        if self._shim.count() < n:
            assert saved
            case.check(self._acknowledged())
            os._exit(4)
        try:
            assert self._shim.log()[n - 1].startswith("u ") or not self._temporary_files()
            self._check_twice(case)
        except BaseException:
            print(*self._shim.log(), sep="\n", file=sys.stderr)
            raise
        os._exit(0 if saved else 3)

    def _recover(self) -> None:
        self._check_twice(self._case())
        for path in self._temporary_files():
            os.utime(path, (0, 0))
        for _ in self._case().save():
            pass
        assert not self._temporary_files()

    def _check_twice(self, case: Case) -> None:
        """Check, save without a fault, and check again."""
        case.check(self._acknowledged())
        assert self._save(case)
        case.check(self._acknowledged())

    def _save(self, case: Case) -> bool:
        """Run the saves of a case, noting each that succeeds. Return False if one was refused."""
        try:
            for word in case.save():
                with self._done.open("a") as file:
                    file.write(f"{word}\n")
        except UsageError:
            raise
        except AfterglowError as error:
            self._require_one_line(str(error))
            return False
        return True

    def _acknowledged(self) -> list[str]:
        return self._done.read_text().splitlines()

    def _temporary_files(self) -> list[Path]:
        return [path for path in self._home.rglob(".*") if path.is_file()]

    def _in_child(self, run: Callable[[], object]) -> int:
        """Run a function in a forked process. Return its exit code, or minus the signal that ended it."""
        child = os.fork()
        if child == 0:
            signal.alarm(CHILD_SECONDS)
            try:
                run()
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def _require_one_line(self, message: str) -> None:
        assert "\n" not in message

    def _require_success(self, status: int, where: str) -> None:
        if status:
            raise SystemExit(f"{where}: failed (exit code {status})")


def main(arguments: list[str]) -> None:
    """Walk the named cases of a file, or all, and print their walks."""
    as_json, words = "--json" in arguments, [word for word in arguments if word != "--json"]
    if "LD_PRELOAD" not in os.environ:
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "LD_PRELOAD": str(build_shim(Path(folder)))}
            sys.exit(subprocess.run([sys.executable, __file__, *arguments], env=environment).returncode)  # noqa: S603
    cases: dict[str, type[Case]] = runpy.run_path(words[0])["CASES"]
    walks = []
    for name in words[1:] or cases:
        with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
            walker = Walker(name, cases[name], Path(folder).resolve() / "walk")
            for fault in FAULTS:
                walks.append(walker.walk(fault))
                if not as_json:
                    print(walks[-1], flush=True)
    if as_json:
        print(json.dumps(walks))
    else:
        print(f"{sum(walk.points for walk in walks)} points in all")


if __name__ == "__main__":
    main(sys.argv[1:])
