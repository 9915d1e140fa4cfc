"""/copy, and the clipboards of the terminal and of the system."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from afterglow.core.commands.effects import Copy
from afterglow.core.commands.registry import dispatch
from afterglow.core.errors import CommandError
from afterglow.core.session.passage import Node
from afterglow.core.session.session import Session
from afterglow.repl import clipboard
from afterglow.repl.line.printer import copy_text
from afterglow.repl.tui.app import AfterglowApp
from afterglow.repl.tui.text.transcript import Transcript
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.output.vt100 import Vt100_Output

from .cli_helpers import RunCli
from .test_explain import TINY
from .tui_helpers import SIZE, play, transcript_text


def install_tool(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, script: str) -> None:
    """Make a shell script the only tool of the clipboard."""
    folder.mkdir(exist_ok=True)
    tool = folder / name
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setattr(clipboard, "TOOLS", (("DISPLAY", (str(tool), "-in")),))
    monkeypatch.setenv("DISPLAY", ":0")


def test_the_tool_gets_the_text_on_its_standard_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install_tool(monkeypatch, tmp_path / "bin", "xclip", f'echo "$@" > {tmp_path}/arguments; cat > {tmp_path}/copied')
    assert clipboard.copy_with_tool("“$(rm x)” é\n\udcff") is True
    assert (tmp_path / "copied").read_bytes() == "“$(rm x)” é\n?".encode()
    assert (tmp_path / "arguments").read_text() == "-in\n"


def test_clip_exe_gets_utf_16(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install_tool(monkeypatch, tmp_path / "bin", "clip.exe", f"cat > {tmp_path}/copied")
    assert clipboard.copy_with_tool("é") is True
    assert (tmp_path / "copied").read_bytes().decode("utf-16") == "é"


@pytest.mark.parametrize("script", ["exit 1", "exec sleep 30"], ids=["fails", "hangs"])
def test_a_tool_that_fails_or_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    install_tool(monkeypatch, tmp_path / "bin", "xclip", script)
    monkeypatch.setattr(clipboard, "TOOL_SECONDS", 0.2)
    assert clipboard.copy_with_tool("text") is False


@pytest.mark.parametrize(("variable", "value"), [("AFTERGLOW_VISITOR", "1"), ("DISPLAY", "")])
def test_no_tool_is_run_for_a_visitor_or_without_a_display(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, value: str
) -> None:
    install_tool(monkeypatch, tmp_path / "bin", "xclip", f"touch {tmp_path}/ran")
    monkeypatch.setenv(variable, value)
    assert clipboard.copy_with_tool("text") is False
    assert not (tmp_path / "ran").exists()


def test_copy_has_the_text_with_control_characters_shown(session: Session) -> None:
    session.passage.add(Node(None, seed="a\x1b[31m\nb"))
    (effect,) = dispatch(session, "/copy")
    assert effect == Copy("a␛[31m\nb")


async def test_the_full_screen_copies_the_passage_or_what_is_selected(app: AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, "/copy")
        assert "type a seed first" in transcript_text(app)
        await play(pilot, "The lamp")
        await play(pilot, "/copy")
        assert app.clipboard == app.session.passage.text()
        assert f"copied {len(app.clipboard)} characters" in transcript_text(app)
        transcript = app.query_one(Transcript)
        row = next(n for n, line in enumerate(transcript.lines) if "The lamp" in line.text) - transcript.scroll_offset.y
        await pilot.click(Transcript, offset=(transcript.margin_width + 2, row), times=2)
        assert app.screen.get_selected_text() == "The"
        await play(pilot, "/copy")
        assert app.clipboard == "The"


async def test_the_line_repl_sends_the_text_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    screen = io.StringIO()
    with create_app_session(output=Vt100_Output(screen, lambda: Size(24, 80))):
        await copy_text("the lamp é")
    encoded = base64.b64encode("the lamp é".encode()).decode()
    assert f"\x1b]52;c;{encoded}\x07" in screen.getvalue()
    assert "copied 10 characters" in screen.getvalue()


async def test_a_terminal_without_a_clipboard_is_an_error() -> None:
    with create_app_session(output=DummyOutput()), pytest.raises(CommandError, match="/export FILE"):
        await copy_text("the lamp")


def test_a_script_has_no_clipboard(run: RunCli) -> None:
    ran = run("-m", TINY, "-l", "5", "--rng", "7", stdin=b"The lamp\n/copy\n")
    assert ran.code == 2
    assert "/copy needs a terminal; /export FILE writes the text" in ran.err
