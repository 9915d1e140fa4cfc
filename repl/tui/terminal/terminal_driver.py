"""The terminal of the full screen: given back at every end and every stop, and left if it is gone."""

from __future__ import annotations

import os
import select
import signal
import termios
from contextlib import suppress
from io import TextIOWrapper
from typing import Any, TextIO, cast

from textual.drivers.linux_driver import LinuxDriver

from ...ending_signals import LOST_TERMINAL, handle_ending_signals
from .bug_log import log_bug
from .key_reader import KeyReader

INPUT_TIMEOUT = 0.1
"""Seconds between two looks at whether input was disabled, and at an Esc that nothing followed."""

MAX_READ = 4096
"""Bytes read at once."""


class TerminalDriver(LinuxDriver):
    """Textual's driver for terminals, which any bytes, any signal and the loss of the terminal leave in order."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._file = cast("TextIOWrapper", TerminalFile(self._file))
        # Textual's handlers of these act within any other call, maybe one that holds the lock that they need.
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.signal(signal.SIGCONT, signal.SIG_DFL)

    def start_application_mode(self) -> None:
        """Take the terminal, and handle signals."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        handle_ending_signals(self._exit)
        self._loop.add_signal_handler(signal.SIGTSTP, self._stop)
        self._loop.add_signal_handler(signal.SIGCONT, self._take_again)

    def suspend_application_mode(self) -> None:
        """Give the terminal back. Until it is taken again, the process stops as any other."""
        self._loop.remove_signal_handler(signal.SIGTSTP)
        self._loop.remove_signal_handler(signal.SIGCONT)
        super().suspend_application_mode()

    def run_input_thread(self) -> None:
        """Pass on what the terminal sends until input is disabled. If the terminal is gone, exit."""
        reader = KeyReader()
        while not self.exit_event.is_set():
            data = self._read()
            if data == b"":
                self._loop.call_soon_threadsafe(self._exit, LOST_TERMINAL)
                return
            try:
                for message in (*reader.feed(data or b""), *reader.tick()):
                    self.process_message(message)
            except Exception as error:  # costs what was read with it, and no later key
                reader = KeyReader()
                self._loop.call_soon_threadsafe(self._report, error)

    def _read(self) -> bytes | None:
        """Return what can be read, None if nothing comes in time, b"" if the terminal is gone."""
        try:
            has_input = select.select([self.fileno], [], [], INPUT_TIMEOUT)[0]
            return os.read(self.fileno, MAX_READ) if has_input else None
        except OSError:
            return b""

    def _report(self, error: Exception) -> None:
        self._app.notify(log_bug(error), severity="error", markup=False)

    def _exit(self, code: int) -> None:
        self._app.exit(return_code=code)

    def _stop(self) -> None:
        """Stop as any program after Ctrl-Z in a shell, with the programs that it was started by."""
        self.suspend_application_mode()
        os.killpg(0, signal.SIGTSTP)
        self._resume()

    def _take_again(self) -> None:
        """Take the terminal again after a SIGSTOP, which gives no time to give it back."""
        self.suspend_application_mode()
        self._resume()

    def _resume(self) -> None:
        """Take the terminal as soon as it is ours, and draw everything."""
        with suppress(termios.error):  # in the background this call stops the process until the shell's ``fg``
            termios.tcsetattr(self.fileno, termios.TCSANOW, termios.tcgetattr(self.fileno))
        self.resume_application_mode()
        self._app.refresh()


class TerminalFile:
    """A terminal to write to. Once it is gone, nothing is written, and no error raised."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = cast("TextIO", file)  # None only in programs without a terminal

    def write(self, text: str) -> None:
        """Write text."""
        with suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        """Send what was written."""
        with suppress(OSError):
            self._file.flush()

    def fileno(self) -> int:
        """Return the terminal's file descriptor."""
        return self._file.fileno()
