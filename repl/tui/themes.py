"""The theme that was chosen last, kept in a file of its own."""

from __future__ import annotations

import contextlib

from ...core.errors import AfterglowError
from ...core.file_io import write_atomically
from ...core.paths import theme_file


def load_theme() -> str:
    """The theme that was chosen last; "" where none was."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return theme_file().read_text("utf-8").strip()
    return ""


def save_theme(name: str) -> None:
    """Have the theme again next time, as far as that can be written."""
    with contextlib.suppress(AfterglowError):
        write_atomically(theme_file(), name.encode())
