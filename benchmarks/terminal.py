"""The full screen in a pseudo-terminal: time to first paint, time from key to effect, and repaints per second.

``python -m benchmarks.terminal [--json]`` measures only these.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time

import pexpect

from benchmarks.results import ScreenResult

SYNC_QUERY_AND_REPLY = "\x1b[?2026$p", "\x1b[?2026;1$y"
"""Textual's query for synchronized updates, and a yes. After it Textual marks every repaint, so they can be counted."""

REPAINT = "\x1b[?2026h"
"""Begins every repaint."""

READY = "Enter to continue"
"""Text of the input line when it is empty."""


class Screen:
    """afterglow in a terminal of 80 x 24, and the output since the last ``forget``."""

    def __init__(self, *options: str) -> None:
        self.start = time.perf_counter()
        arguments = ["-m", "afterglow.repl", "--rng", "7", *options]
        environment = {**os.environ, "TERM": "xterm-256color"}
        self.child = pexpect.spawn(sys.executable, arguments, dimensions=(24, 80), env=environment, timeout=60)
        self.output = ""

    def read(self, seconds: float) -> None:
        """Read output, and wait at most ``seconds`` for it."""
        try:
            new = self.child.read_nonblocking(1 << 16, seconds).decode("utf-8", "replace")
        except pexpect.TIMEOUT:
            return
        if SYNC_QUERY_AND_REPLY[0] in new:
            self.child.send(SYNC_QUERY_AND_REPLY[1])
        self.output += new

    def forget(self) -> None:
        """Forget the output so far."""
        self.output = ""

    def until(self, text: str, timeout: float = 60) -> float:
        """Wait until ``text`` is in the output; return the seconds it took. Raise TimeoutError if it does not come."""
        start = time.perf_counter()
        while text not in self.output:
            if time.perf_counter() - start > timeout:
                raise TimeoutError(text)
            self.read(0.002)
        return time.perf_counter() - start


def first_paint(rounds: int) -> list[float]:
    """Measure the seconds from the start of the process to a screen that accepts keys."""
    times = []
    for _ in range(rounds):
        screen = Screen()
        screen.until(READY)
        times.append(time.perf_counter() - screen.start)
        screen.child.close(force=True)
    return times


def keys_and_repaints(presses: int) -> tuple[list[float], list[float]]:
    """Measure seconds from a press of + to the new T on the screen, and repaints per second, while text streams."""
    screen = Screen("--speed", "max", "--length", "10000000", "-t", "0", "--autosave", "off")
    screen.until(READY)
    screen.child.send("ROMEO:\r")
    screen.until("writing")
    times, rates = [], []
    for number in range(presses):
        screen.forget()
        start = time.perf_counter()
        while time.perf_counter() - start < 0.3:
            screen.read(0.01)
        # n repaints have n - 1 intervals between them.
        rates.append((screen.output.count(REPAINT) - 1) / (time.perf_counter() - start))
        screen.forget()
        screen.child.send("+")
        times.append(screen.until(f"T {0.05 * (number + 1):.2f}"))
    screen.child.close(force=True)
    return times, rates


def measure(rounds: int = 5, presses: int = 40) -> list[ScreenResult]:
    """Measure the full screen. The user's own data folder is not used."""
    with tempfile.TemporaryDirectory() as home:
        before = os.environ.get("AFTERGLOW_HOME")
        os.environ["AFTERGLOW_HOME"] = home
        try:
            paint = first_paint(rounds)
            keys, rates = keys_and_repaints(presses)
        finally:
            os.environ.pop("AFTERGLOW_HOME")
            os.environ |= {"AFTERGLOW_HOME": before} if before else {}
    cut_points = statistics.quantiles(keys, n=20)
    return [
        {"what": "first paint, median", "figure": statistics.median(paint) * 1000, "unit": "ms", "target": 700},
        {"what": "key to effect, median", "figure": statistics.median(keys) * 1000, "unit": "ms", "target": 50},
        {"what": "key to effect, 95th percentile", "figure": cut_points[-1] * 1000, "unit": "ms", "target": 50},
        {"what": "repaints, most", "figure": max(rates), "unit": "a second", "target": 60},
    ]


def table(rows: list[ScreenResult]) -> str:
    """Return the results as a table."""
    head = f"{'the full screen, text streaming at full speed':<44}{'':>10}  {'':<10}{'at most':>10}"
    return "\n".join([head, *(f"{r['what']:<44}{r['figure']:>10.0f}  {r['unit']:<10}{r['target']:>10}" for r in rows)])


def main() -> None:
    """Measure the full screen and print the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    rows = measure()
    print(json.dumps({"terminal": rows}) if arguments.json else table(rows))


if __name__ == "__main__":
    main()
