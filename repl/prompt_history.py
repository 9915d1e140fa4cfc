"""The lines typed in the full screen and in the line REPL, in one private file in the format of prompt-toolkit."""

from __future__ import annotations

import contextlib
from datetime import datetime

from ..core.errors import AfterglowError
from ..core.file_io import private_file
from ..core.paths import history_file

MAX_HISTORY_LINES = 1000
"""Entries that are offered: the latest ones."""

MAX_ENTRY_CHARS = 2000
"""Characters of an entry that are kept. The rest of a longer seed is in its passage."""


def append_history(text: str) -> None:
    """Append an entry to the history file, a long one with "…" in place of its end.

    Failures are ignored, and leave nothing half-written.
    """
    text = text if len(text) <= MAX_ENTRY_CHARS else f"{text[: MAX_ENTRY_CHARS - 1]}…"
    lines = "".join(f"+{line}\n" for line in text.encode("utf-8", "replace").decode().split("\n"))
    with contextlib.suppress(AfterglowError, OSError), private_file(history_file()).open("ab", buffering=0) as file:
        end = file.tell()
        entry = f"\n# {datetime.now()}\n{lines}".encode()
        try:
            whole = file.write(entry) == len(entry)  # a write to a full disk can be a short one
        except OSError:
            whole = False
        if not whole:
            file.truncate(end)


def read_history() -> list[str]:
    """Return the entries of the history file, oldest first, without one that was cut. Empty if it cannot be read."""
    try:
        content = history_file().read_text("utf-8", "replace")
    except OSError:
        return []
    entries = [part.split("\n") for part in content.split("\n# ") if part.endswith("\n")]
    texts = ["\n".join(line[1:] for line in lines if line.startswith("+")) for lines in entries]
    return [text for text in texts if text][-MAX_HISTORY_LINES:]
