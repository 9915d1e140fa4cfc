"""Few modules open files for writing, so that modes, whole replacement and refusals hold wherever one is written."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

if not (ROOT / "README.md").exists():
    pytest.skip("the sources are not here: this is no checkout", allow_module_level=True)

WRITERS = {
    "core/command_line.py": "opens the null device, for a closed standard output",
    "core/file_io.py": "replaces files whole, and makes private ones",
    "core/file_locks.py": "writes the holder's number into a lock, which private_file has made",
    "repl/cli/train_run.py": "opens the null device, for standard output",
    "repl/web/visitor.py": "opens the null device, for a log that cannot be written",
}
"""Modules that open files for writing, with the reason. Others may append to what ``private_file`` returns."""

METHODS = {"write_text", "write_bytes", "mkstemp", "NamedTemporaryFile"}


def is_private(function: ast.AST) -> bool:
    """True for the method of a file's path that ``private_file`` returned."""
    owner = function.value if isinstance(function, ast.Attribute) else None
    return isinstance(owner, ast.Call) and getattr(owner.func, "id", "") == "private_file"


def opens_for_writing(node: ast.AST) -> bool:
    """True for a call that makes or changes a file: by its name, or by the mode that it is given."""
    if not isinstance(node, ast.Call) or is_private(node.func):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    arguments = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
    modes = [a.value for a in arguments if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    return name in METHODS or (name == "open" and any(set(mode) & set("wax+") and len(mode) <= 3 for mode in modes))


def writers() -> set[str]:
    found = set()
    for package in ("core", "repl", "bot"):
        for path in (ROOT / package).rglob("*.py"):
            tree = ast.parse(path.read_text("utf-8"))
            awaited = {node.value for node in ast.walk(tree) if isinstance(node, ast.Await)}
            if any(opens_for_writing(node) for node in ast.walk(tree) if node not in awaited):
                found.add(path.relative_to(ROOT).as_posix())
    return found


def test_files_are_written_by_these_modules_only() -> None:
    assert writers() - WRITERS.keys() == set()


def test_each_of_them_does() -> None:
    assert WRITERS.keys() - writers() == set()
