"""The signals at which a front end that has changed the terminal gives it back, saves and ends."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager

LOST_TERMINAL = 129
"""Exit code of SIGHUP, also if the terminal is gone without a signal."""


def handle_ending_signals(end: Callable[[int], None]) -> None:
    """Call ``end`` in the running event loop after SIGHUP, SIGQUIT or SIGTERM, with the exit code that belongs to it.

    Signals that the process was started to ignore, as ``nohup`` does with SIGHUP, stay ignored.
    """
    if sys.platform == "win32":
        return
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, end, 128 + number)


@contextmanager
def ignoring_interrupts() -> Iterator[None]:
    """Leave Ctrl-C to the program that has the terminal meanwhile. For the main thread."""
    previous = signal.signal(signal.SIGINT, lambda *_: None)  # the program would inherit SIG_IGN
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


async def run_until_signal(front_end: Coroutine[None, None, None]) -> int:
    """Run ``front_end`` to its end, or cancel it at a signal. Return the exit code: 0, or that of the signal."""
    task = asyncio.ensure_future(front_end)
    codes: list[int] = []

    def end(code: int) -> None:
        codes.append(code)
        task.cancel()

    handle_ending_signals(end)
    try:
        await task
    except asyncio.CancelledError:
        if not codes:
            raise
    return codes[0] if codes else 0
