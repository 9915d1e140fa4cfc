"""Types of the fixture ``run`` in conftest.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class CliResult(NamedTuple):
    code: int
    out: str
    err: str


RunCli = Callable[..., CliResult]
