"""The clipboard: the terminal's own, by an escape sequence, and the system's, by its tool."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import subprocess

from ..core.typed_paths import is_visitor

TOOLS = (
    ("WAYLAND_DISPLAY", ("wl-copy",)),
    ("DISPLAY", ("xclip", "-selection", "clipboard")),
    ("DISPLAY", ("xsel", "--clipboard", "--input")),
    ("", ("pbcopy",)),
    ("", ("clip.exe",)),
)
"""(environment variable that must be set, command), the preferred first. The text is the command's standard input."""

TOOL_SECONDS = 2.0
"""Seconds after which a tool is ended: its display may be out of reach."""


def terminal_sequence(text: str) -> str:
    """Return the escape sequence (OSC 52) that puts a text into the terminal's clipboard."""
    return f"\x1b]52;c;{base64.b64encode(text.encode('utf-8', 'replace')).decode('ascii')}\x07"


def copy_with_tool(text: str) -> bool:
    """Put a text into the system's clipboard. Return False if there is no tool for that, or it fails.

    The clipboard of a visitor is in their browser, not here.
    """
    command = None if is_visitor() else find_tool()
    if command is None:
        return False
    data = text.encode("utf-16" if command[0].endswith("clip.exe") else "utf-8", "replace")
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        quiet = subprocess.DEVNULL
        environment = os.environ | {"LC_CTYPE": "UTF-8"}  # for pbcopy
        done = subprocess.run(  # noqa: S603 - a fixed command, and no shell
            command, input=data, stdout=quiet, stderr=quiet, timeout=TOOL_SECONDS, check=False, env=environment
        )
        return done.returncode == 0
    return False


def find_tool() -> tuple[str, ...] | None:
    """Return the command of the first tool that is installed and has a display, None if there is none."""
    for variable, (name, *arguments) in TOOLS:
        path = shutil.which(name) if not variable or os.environ.get(variable) else None
        if path:
            return (path, *arguments)
    return None


def copied_note(text: str) -> str:
    """Return the note about a copied text."""
    return f"copied {len(text):,} characters"
