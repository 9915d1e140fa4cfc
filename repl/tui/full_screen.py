"""Runs the full screen, with the interpreter tuned for short pauses."""

from __future__ import annotations

import gc
import sys

from textual.app import App

from ...core.session.session import Session
from .app import AfterglowApp
from .keys.keymap import read_keymap
from .terminal.key_reader import register_alt_keys

SWITCH_INTERVAL = 0.0005
"""Seconds after which a thread lets another run: a tenth of the default, since a thread draws tokens all the time."""

GC_FREEZE_INTERVAL = 1.0
"""Seconds between two exclusions of existing objects from garbage collection."""


def run_full_screen(session: Session, first_line: str = "") -> int:
    """Run the app until it ends, then save the passage. ``first_line`` is run before any typed line.

    Return the exit code: 0, or 128 and the number of the signal that ended the app.
    """
    _reduce_latency()
    register_alt_keys()
    app = AfterglowApp(session, first_line, read_keymap())
    app.call_later(app.set_interval, GC_FREEZE_INTERVAL, _freeze_gc)
    _choose_driver(app)
    app.run()
    app.autosave.save_now()
    return app.return_code or 0


def _choose_driver(app: App[None]) -> None:
    """Give the app our driver for terminals where it would have Textual's."""
    if sys.platform != "win32":
        from textual.drivers.linux_driver import LinuxDriver

        from .terminal.terminal_driver import TerminalDriver

        if app.driver_class is LinuxDriver:
            app.driver_class = TerminalDriver


def _reduce_latency() -> None:
    """Keep keys responsive while text comes at full speed."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.set_threshold(20_000, 20, 1000)
    gc.freeze()  # without a search: what was imported and loaded is no garbage
    gc.enable()


def _freeze_gc() -> None:
    """Exclude existing objects from garbage collection. Its pauses grow with the number of objects it scans."""
    gc.collect(1)
    gc.freeze()
