"""Stopping at Ctrl-Z and SIGTSTP as other programs do, and going on as before at the shell's ``fg``."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from prompt_toolkit.application import get_app_session
from prompt_toolkit.application.run_in_terminal import in_terminal


def handle_stops() -> None:
    """From now on, stop at SIGTSTP with the terminal in the mode of the shell, and continue in the mode before."""
    if sys.platform != "win32":
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTSTP, lambda: loop.create_task(_stop_until_continued()))


def request_stop() -> None:
    """Stop soon, if the system can."""
    if sys.platform != "win32":
        os.kill(os.getpid(), signal.SIGTSTP)


async def _stop_until_continued() -> None:
    async with in_terminal():
        with get_app_session().input.cooked_mode():
            asyncio.get_running_loop().remove_signal_handler(signal.SIGTSTP)
            os.killpg(0, signal.SIGTSTP)
            handle_stops()
