"""Runs the full screen in a process that is tuned for it."""

from __future__ import annotations

import gc
import sys

from ...core.session.session import Session
from ..autosave import AUTOSAVE_INTERVAL
from .app import AfterglowApp
from .prompt import register_alt_enter


def run_full_screen(session: Session, first_line: str = "") -> None:
    """Run the app until the user quits. ``first_line`` is run before any typed line."""
    _reduce_latency()
    register_alt_enter()
    app = AfterglowApp(session, first_line)
    app.call_later(app.set_interval, AUTOSAVE_INTERVAL, _freeze_gc)
    app.run()
    app.autosave.save_now()


def _reduce_latency() -> None:
    """Keep keys responsive while text comes at full speed."""
    # The thread that draws tokens gives way ten times sooner than by default.
    sys.setswitchinterval(0.0005)
    gc.set_threshold(20_000, 20, 1000)
    _freeze_gc()


def _freeze_gc() -> None:
    """Exclude the objects of now from garbage collection: the more it scans, the longer everything waits."""
    gc.collect(1)
    gc.freeze()
