"""The last chosen theme, kept in a file."""

from __future__ import annotations

import contextlib

from ...core.errors import AfterglowError
from ...core.file_io import write_atomically
from ...core.paths import theme_file


def load_theme() -> str:
    """Return the name of the last chosen theme, "" if there is none."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return theme_file().read_text("utf-8").strip()
    return ""


def save_theme(name: str) -> None:
    """Save the name of a theme for the next start. Failures are ignored."""
    with contextlib.suppress(AfterglowError):
        write_atomically(theme_file(), name.encode())
