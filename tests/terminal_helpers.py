"""afterglow in a pseudo-terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pexpect = pytest.importorskip("pexpect")

MODEL = str(Path(__file__).parent / "data" / "tiny-char.safetensors")


class Terminal:
    """A running afterglow and the bytes it has drawn, as ``screen``."""

    def __init__(self, *options: str, command: str = "", size: tuple[int, int] = (80, 24), **environment: str) -> None:
        # Texts have exactly the length that the tests count.
        variables = {**os.environ, "TERM": "xterm-256color", "AFTERGLOW_FINISH": "off", **environment}
        for name in ("NO_COLOR", "COLORTERM"):
            if name not in environment:
                variables.pop(name, None)
        arguments = ["-m", "afterglow.repl", *([command] if command else []), "--model", MODEL, "--rng", "7", *options]
        self.child = pexpect.spawn(sys.executable, arguments, dimensions=size[::-1], env=variables, timeout=60)
        self.screen = ""

    def until(self, condition: Callable[[], object], seconds: float = 60) -> None:
        """Read output until ``condition()`` is true. Fail after ``seconds``."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"still not true after {seconds} s; last output: {self.screen[-2000:]!r}"
            self.read()

    def read(self, max_bytes: int = 65536) -> None:
        """Read the output that is there now."""
        try:
            self.screen += self.child.read_nonblocking(max_bytes, 0.05).decode("utf-8", "replace")
        except pexpect.TIMEOUT:
            pass
        except pexpect.EOF:
            time.sleep(0.05)

    def begin(self) -> None:
        """Wait until the input line is shown."""
        self.until(lambda: "Enter to continue" in self.screen)

    def type(self, keys: str) -> None:
        """Send keys."""
        self.child.send(keys)

    def leave(self) -> None:
        """Quit with Ctrl-Q. The exit code must be 0."""
        self.type("\x11")
        self.until(lambda: not self.child.isalive())
        assert self.child.exitstatus == 0
