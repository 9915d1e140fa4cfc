"""Show the progress of a long step as one line in a terminal."""

from __future__ import annotations

import sys


def progress_line(label: str, fraction: float) -> str:
    """Return a line such as "reading: 40%" that overwrites the line before it.

    ``fraction`` is 0 to 1. At 1 the line is blank.
    """
    line = f"{label}: {fraction:.0%}" if fraction < 1 else ""
    return f"\r{line:<{len(label) + 6}}\r"


def print_progress(label: str, fraction: float) -> None:
    """Show the progress line on standard error if that is a terminal."""
    if sys.stderr.isatty():
        print(progress_line(label, fraction), end="", file=sys.stderr, flush=True)
