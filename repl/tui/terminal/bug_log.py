"""The log of the full screen, which has the tracebacks of bugs."""

from __future__ import annotations

import contextlib
import traceback
from datetime import UTC, datetime

from ....core.errors import AfterglowError
from ....core.file_io import private_file
from ....core.paths import log_file
from ....core.sanitize import one_line


def log_bug(error: Exception) -> str:
    """Write a traceback to the log, and return a line that says so."""
    write_log(error)
    return one_line(f"a bug, sorry: {type(error).__name__}: {error}; {log_file()} has the details")


def write_log(error: Exception) -> None:
    """Append a traceback to the log file, if it can be written."""
    with contextlib.suppress(AfterglowError, OSError), private_file(log_file()).open("a", encoding="utf-8") as log:
        log.write(f"{datetime.now(UTC).isoformat(timespec='seconds')}\n{''.join(traceback.format_exception(error))}\n")
