"""Runs the page's modules in node, and skips where it is missing."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

RUNNER = Path(__file__).parent / "page_engine.mjs"
NODE = shutil.which("node")

if not (RUNNER.parent.parent / "core" / "page").exists():
    pytest.skip("the page's modules are not here: this is no checkout", allow_module_level=True)

needs_node = pytest.mark.skipif(NODE is None, reason="node, which runs the page's modules, is not installed")


def run_page(*calls: dict[str, Any]) -> list[Any]:
    """Return the results of calls of ``page_engine.mjs``, all in one process."""
    command = [NODE or "node", str(RUNNER)]
    done = subprocess.run(command, input=json.dumps(calls), capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    result: list[Any] = json.loads(done.stdout)
    return result
