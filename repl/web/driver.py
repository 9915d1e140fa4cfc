"""A visitor's process: draws the full screen for the server, within bounds, and ends when the server is gone."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from threading import Timer

from textual import messages
from textual.drivers._byte_stream import ByteStream
from textual.drivers.web_driver import WebDriver, _ExitInput

from ...core.paths import data_dir
from ...core.typed_paths import is_visitor
from ..tui.terminal.key_reader import KeyReader

if sys.platform != "win32":
    import resource

MEMORY_BYTES = 768 << 20
"""Memory that a process may take besides what it has at its start. A session of hours takes 100 MB."""

FILE_BYTES = 64 << 20
"""Size that no file of a visitor may exceed."""

ORPHAN_SECONDS = 2.0
"""Seconds in which a process may save and end when the server is gone."""

NICENESS = 5
"""Lower priority than that of the server, so that one busy visitor does not hold up the others."""


class VisitorDriver(WebDriver):
    """Reads keys from the server and writes the screen to it, through pipes."""

    def start_application_mode(self) -> None:
        """Bound the process, then start."""
        bound_process()
        super().start_application_mode()

    def run_input_thread(self) -> None:
        """Pass on keys until their pipe ends. If it ends first, the server is gone, however it ended: end, too."""
        reader, stream = KeyReader(), ByteStream()
        with suppress(_ExitInput):
            for data in self._input_reader:
                for kind, payload in stream.feed(data) if data else ():
                    self._handle_packet(reader, kind, payload)
                for message in reader.tick():
                    self.process_message(message)
        if not self.exit_event.is_set():
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.fileno)  # the last screen has no reader
            end_orphan()
            self._app.post_message(messages.ExitApp())

    def _handle_packet(self, reader: KeyReader, kind: str, payload: bytes) -> None:
        """Pass on the keys in a packet of kind D. Any other packet is from the server itself."""
        if kind == "D":
            for message in reader.feed(payload):
                self.process_message(message)
        else:
            self._on_meta(kind, payload)


def bound_process() -> None:
    """Limit memory, file size and priority of this process, where the system can."""
    if sys.platform == "win32":
        return
    os.nice(NICENESS)
    if is_visitor():
        _lower_limit(resource.RLIMIT_FSIZE, FILE_BYTES)
    if sys.platform == "linux":
        _lower_limit(resource.RLIMIT_DATA, _data_bytes() + MEMORY_BYTES)


def _lower_limit(kind: int, limit: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(kind, (limit, limit))


def end_orphan() -> None:
    """End this process within ORPHAN_SECONDS, even if it is busy. A visitor's folder goes with it."""
    if is_visitor():
        atexit.register(shutil.rmtree, data_dir(), ignore_errors=True)
    timer = Timer(ORPHAN_SECONDS, _end_now)
    timer.daemon = True
    timer.start()


def _end_now() -> None:
    if is_visitor():
        shutil.rmtree(data_dir(), ignore_errors=True)
    os._exit(1)


def _data_bytes() -> int:
    """Return what this process has of the memory that RLIMIT_DATA counts."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[5])
    return pages * resource.getpagesize()
