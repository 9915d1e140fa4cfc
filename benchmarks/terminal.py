"""The full screen in a pseudo-terminal: first paint, a key's effect and repaints while text streams unthrottled.

``python -m benchmarks.terminal [--json]``; ``measure()`` gives the rows.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from typing import Any

import pexpect

SYNC_QUERY_AND_REPLY = "\x1b[?2026$p", "\x1b[?2026;1$y"
"""Textual asks whether updates can be bracketed; told yes, it marks every repaint, and they can be counted."""

REPAINT = "\x1b[?2026h"
READY = "Enter to go on"


class Screen:
    """The program on a terminal of 80 x 24, and what it has drawn."""

    def __init__(self, *options: str) -> None:
        self.begun = time.perf_counter()
        arguments = ["-m", "afterglow.repl", "--rng", "7", *options]
        environment = {**os.environ, "TERM": "xterm-256color"}
        self.child = pexpect.spawn(sys.executable, arguments, dimensions=(24, 80), env=environment, timeout=60)
        self.drawn = ""

    def read(self, seconds: float) -> None:
        """Take what is drawn, or wait so long for it."""
        try:
            new = self.child.read_nonblocking(1 << 16, seconds).decode("utf-8", "replace")
        except pexpect.TIMEOUT:
            return
        if SYNC_QUERY_AND_REPLY[0] in new:
            self.child.send(SYNC_QUERY_AND_REPLY[1])
        self.drawn += new

    def forget(self) -> None:
        """Begin anew to look at what is drawn."""
        self.drawn = ""

    def until(self, text: str, timeout: float = 60) -> float:
        """Seconds until a text is drawn."""
        start = time.perf_counter()
        while text not in self.drawn:
            if time.perf_counter() - start > timeout:
                raise TimeoutError(text)
            self.read(0.002)
        return time.perf_counter() - start


def first_paint(rounds: int) -> list[float]:
    """Seconds from the command to a screen that takes keys."""
    times = []
    for _ in range(rounds):
        screen = Screen()
        screen.until(READY)
        times.append(time.perf_counter() - screen.begun)
        screen.child.close(force=True)
    return times


def keys_and_repaints(presses: int) -> tuple[list[float], list[float]]:
    """Seconds from a press of + to the new T on the screen, and repaints a second, while text streams."""
    screen = Screen("--speed", "max", "--length", "10000000", "-t", "0", "--autosave", "off")
    screen.until(READY)
    screen.child.send("ROMEO:\r")
    screen.until("writing")
    times, rates = [], []
    for number in range(presses):
        screen.forget()
        begin = time.perf_counter()
        while time.perf_counter() - begin < 0.3:
            screen.read(0.01)
        # The first of n pictures opens the n - 1 intervals between them.
        rates.append((screen.drawn.count(REPAINT) - 1) / (time.perf_counter() - begin))
        screen.forget()
        screen.child.send("+")
        times.append(screen.until(f"T {0.05 * (number + 1):.2f}"))
    screen.child.close(force=True)
    return times, rates


def measure(rounds: int = 5, presses: int = 40) -> list[dict[str, Any]]:
    """Rows of what, figure, unit and target. The user's own data folder is left alone."""
    with tempfile.TemporaryDirectory() as home:
        before = os.environ.get("AFTERGLOW_HOME")
        os.environ["AFTERGLOW_HOME"] = home
        try:
            paint = first_paint(rounds)
            keys, rates = keys_and_repaints(presses)
        finally:
            os.environ.pop("AFTERGLOW_HOME")
            os.environ |= {"AFTERGLOW_HOME": before} if before else {}
    cut = statistics.quantiles(keys, n=20)
    return [
        {"what": "first paint, median", "figure": statistics.median(paint) * 1000, "unit": "ms", "target": 700},
        {"what": "key to effect, median", "figure": statistics.median(keys) * 1000, "unit": "ms", "target": 50},
        {"what": "key to effect, 95th percentile", "figure": cut[-1] * 1000, "unit": "ms", "target": 50},
        {"what": "repaints, most", "figure": max(rates), "unit": "a second", "target": 60},
    ]


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as people read them."""
    head = f"{'the full screen, text streaming unthrottled':<44}{'':>10}  {'':<10}{'at most':>10}"
    return "\n".join([head, *(f"{r['what']:<44}{r['figure']:>10.0f}  {r['unit']:<10}{r['target']:>10}" for r in rows)])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    arguments = parser.parse_args()
    rows = measure()
    print(json.dumps({"terminal": rows}) if arguments.json else table(rows))


if __name__ == "__main__":
    main()
