"""Remembers the last chosen theme in a file."""

from __future__ import annotations

import contextlib

from textual.app import App

from ...core.errors import AfterglowError
from ...core.file_io import write_atomically
from ...core.paths import theme_file


def restore_theme(app: App[None]) -> None:
    """Give the app the theme that was chosen last, and save each theme that is chosen from now on."""
    saved = load_theme()
    app.theme = saved if saved in app.available_themes else app.theme
    app.theme_changed_signal.subscribe(app, lambda theme: save_theme(theme.name))


def load_theme() -> str:
    """Return the name of the last chosen theme, "" if there is none."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return theme_file().read_text("utf-8").strip()
    return ""


def save_theme(name: str) -> None:
    """Save the name of a theme for the next start. Failures are ignored."""
    with contextlib.suppress(AfterglowError):
        write_atomically(theme_file(), name.encode())
