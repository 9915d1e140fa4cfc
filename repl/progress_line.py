"""How much of something long is done, on one line of a terminal."""

from __future__ import annotations

import sys


def share_line(what: str, share: float) -> str:
    """``share`` is 0 to 1: each line is written over the one before, and the last wipes it out."""
    line = f"{what}: {share:.0%}" if share < 1 else ""
    return f"\r{line:<{len(what) + 6}}\r"


def show_share(what: str, share: float) -> None:
    """Show it on standard error, where that is a terminal."""
    if sys.stderr.isatty():
        print(share_line(what, share), end="", file=sys.stderr, flush=True)
