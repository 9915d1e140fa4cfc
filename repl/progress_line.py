"""How much of something long is done, on one line of a terminal."""

from __future__ import annotations

import sys


def progress_line(label: str, fraction: float) -> str:
    """``share`` is 0 to 1: each line is written over the one before, and the last wipes it out."""
    line = f"{label}: {fraction:.0%}" if fraction < 1 else ""
    return f"\r{line:<{len(label) + 6}}\r"


def print_progress(label: str, fraction: float) -> None:
    """Show it on standard error, where that is a terminal."""
    if sys.stderr.isatty():
        print(progress_line(label, fraction), end="", file=sys.stderr, flush=True)
