"""File operations of every save fail once, or the process dies at them: nothing is lost, nothing torn."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from .fault_injection import ALL, FAULTS, HERE, build_shim, walk_case

CASES_FILE = HERE / "fault_cases.py"
TRAINING_CASES_FILE = HERE / "fault_cases_training.py"

ARMED = f"""
import os, sqlite3, sys
from contextlib import closing
from pathlib import Path
sys.path.insert(0, {str(HERE)!r})
from fault_injection import COUNT, Fault, Shim
folder, shim = Path(sys.argv[1]), Shim()
shim.arm(folder, Fault({ALL!r}, COUNT), 0)
exec(sys.argv[2])
print(*shim.log(), sep="\\n")
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = build_shim(tmp_path_factory.mktemp("shim"))
    if built is None:
        pytest.skip("needs Linux and a C compiler")
    return built


def operations(shim: Path, folder: Path, code: str) -> list[str]:
    """Run code in a process with the shim. Return its operations below ``folder``, as letter, space and path."""
    environment = {**os.environ, "LD_PRELOAD": str(shim)}
    arguments = [sys.executable, "-c", ARMED, str(folder), code]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("(folder / 'a').write_bytes(b'x')", ["c /a", "w /a"]),
        (
            "f = os.fdopen(os.open(folder / 'a', os.O_CREAT | os.O_RDWR), 'wb'); f.write(b'x'); f.close()",
            ["c /a", "w /a"],
        ),
        ("(folder / 'b').replace(folder / 'c'); (folder / 'c').unlink()", ["m /c", "u /c"]),
        ("(folder / 'b').read_bytes(); (folder / 'd').mkdir()", ["o /b", "r /b", "d /d"]),
        (
            "import shutil; (folder / 'd' / 'e').mkdir(parents=True); shutil.rmtree(folder / 'd')",
            ["d /d/e", "u /d/e", "u /d"],
        ),
        ("os.fsync(os.open(folder, os.O_RDONLY))", ["o ", "s "]),
        (
            "import numpy, safetensors.numpy; safetensors.numpy.save_file({'x': numpy.zeros(9)}, folder / 'a')",
            ["c /.tmp", "w /.tmp"],
        ),
        (
            "with closing(sqlite3.connect(folder / 'a')) as base: base.execute('CREATE TABLE x(y)')",
            ["c /a", "c /a-journal", "w /a-journal", "s /a-journal", "w /a", "s /a", "u /a-journal"],
        ),
    ],
    ids=[
        "Path",
        "fdopen",
        "replace and unlink",
        "read and mkdir",
        "rmtree",
        "a folder's sync",
        "safetensors",
        "SQLite",
    ],
)
def test_the_shim_sees_every_library_that_touches_a_file(
    shim: Path, tmp_path: Path, code: str, seen: list[str]
) -> None:
    (tmp_path / "b").write_bytes(b"x")
    rest = iter(operations(shim, tmp_path, code))
    # In this order, perhaps with others between them.
    assert all(any(line.startswith(operation) for line in rest) for operation in seen)


def test_a_file_and_then_its_name_are_on_the_disk_when_a_write_returns(shim: Path, tmp_path: Path) -> None:
    code = "from afterglow.core.file_io import write_atomically; write_atomically(folder / 'sub' / 'a', b'x')"
    seen = [line.split(".")[0] for line in operations(shim, tmp_path, code)]
    assert [line for line in seen if line[0] in "csmd"] == ["d /sub", "s ", "c /sub/", "s /sub/", "m /sub/a", "s /sub"]


SLOW = {"autosaved session", "bot store", "first archive", "first bot store"}
"""Cases of some hundred operations."""

EVERY = 3
"""Of so many operations of a slow case, the first is walked through. The script walks through all."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in runpy.run_path(str(CASES_FILE))["CASES"]
    ],
)
def test_a_fault_at_any_operation_loses_nothing(shim: Path, name: str) -> None:
    if "bot" in name:
        pytest.importorskip("discord")
    walks = walk_case(shim, CASES_FILE, name, EVERY if name in SLOW else 1)
    print(*walks, sep="\n")
    assert {walk.fault: walk.points > 0 for walk in walks} == dict.fromkeys(FAULTS, True)
    assert {walk.fault for walk in walks if "died" in walk.ends} == {"death", "death amid a write"}
    if name != "history":  # where failures are not reported
        assert all("refused" in walk.ends for walk in walks if "death" not in walk.fault)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["checkpoints", "new run", "replaced run", "finished model"])
def test_a_fault_at_any_operation_of_training_loses_nothing(shim: Path, name: str) -> None:
    pytest.importorskip("torch")
    walks = walk_case(shim, TRAINING_CASES_FILE, name, EVERY)
    print(*walks, sep="\n")
    assert {walk.fault: walk.points > 0 for walk in walks} == dict.fromkeys(FAULTS, True)
    assert {walk.fault for walk in walks if "died" in walk.ends} == {"death", "death amid a write"}
    assert all("refused" in walk.ends for walk in walks if "death" not in walk.fault)
