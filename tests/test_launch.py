"""Which front end a terminal gets."""

from __future__ import annotations

import io
import sys

import pytest
from afterglow.repl.cli.launch import _can_show_full_screen


class Screen(io.TextIOWrapper):
    """A terminal in a locale."""

    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding, errors="replace", write_through=True)

    def isatty(self) -> bool:
        """Return True."""
        return True

    @property
    def text(self) -> str:
        """What was written."""
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode(self.encoding)


@pytest.mark.parametrize(
    ("encoding", "full"),
    [("utf-8", True), ("gb18030", True), ("ascii", False), ("latin-1", False), ("cp437", False), ("euc-jp", False)],
)
def test_a_locale_without_the_signs_of_the_full_screen_gets_lines_and_a_note(
    encoding: str, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stdout", Screen(encoding))
    monkeypatch.setattr(sys, "stderr", errors := Screen(encoding))
    assert _can_show_full_screen() is full
    note = f"afterglow: the full screen needs UTF-8, and the locale has {encoding}: set LC_ALL=C.UTF-8\n"
    assert errors.text == ("" if full else note)


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_dumb_terminal_gets_lines_without_a_note(term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys, "stdout", Screen("ascii"))
    monkeypatch.setattr(sys, "stderr", errors := Screen("ascii"))
    assert not _can_show_full_screen()
    assert errors.text == ""
