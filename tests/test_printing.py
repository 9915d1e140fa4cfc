"""Text made safe to print: the functions, the errors, and that nothing in the program prints past them."""

from __future__ import annotations

import ast
import io
import json
import logging
import sys
import warnings
from pathlib import Path
from xml.etree import ElementTree

import pytest
from afterglow.core.command_line import LineFormatter, echo_json, run_command
from afterglow.core.commands.effects import Listing
from afterglow.core.errors import AfterglowError, SettingError
from afterglow.core.inference.library import find_model, list_models
from afterglow.core.sanitize import MAX_LINE, escape_controls, escape_line, one_line, visible_name
from afterglow.core.session import passage_json
from afterglow.core.settings import get_spec
from click import Command
from hypothesis import given
from hypothesis import strategies as st

from . import hostile_text
from .hostile_text import HOSTILE, INVISIBLE, PAYLOADS, check_shown

ROOT = Path(__file__).parent.parent

PRINTERS = {
    "core/command_line.py": "click.echo out.write",
    "repl/cli/share.py": "click.echo",  # the shell's completion script, which click makes
    "repl/cli/train_save.py": "print",  # a question of its own, after which the cursor stays
    "repl/line/printer.py": "output.write_raw print_formatted_text",
    "repl/progress_line.py": "print",
    "repl/cli/train_display.py": "self._live.console.print",
    "repl/tui/app.py": "self._driver.write",
}
"""The calls that write to a terminal, by module. Text from elsewhere goes through their functions."""


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_no_payload_is_obeyed(payload: str) -> None:
    for escape in (escape_line, one_line, visible_name):
        check_shown(escape(payload))
        assert len(escape(payload).splitlines()) <= 1
    assert not hostile_text.OBEYED.search(escape_controls(payload))
    assert not INVISIBLE.search(visible_name(payload))


@given(st.text() | st.text("\x1b\x07\r\n\t\x85\u202e\u200b\ud800\ufffe a"))
def test_each_character_takes_the_place_of_one_and_twice_is_once(text: str) -> None:
    for escape in (escape_controls, escape_line, visible_name):
        shown = escape(text)
        assert len(shown) == len(text)
        assert escape(shown) == shown
        assert all(a == b or b == "\ufffd" or 0x2400 <= ord(b) <= 0x2421 for a, b in zip(text, shown, strict=True))
    assert escape_controls(text).encode("utf-8").count(b"\n") == text.count("\n")


def test_text_keeps_its_lines_and_what_scripts_and_emoji_need() -> None:
    text = "naïve 日本語 می\u200cخواهم 👨\u200d👩\u200d👧 ❤\ufe0f\n\tx\u00a0y"
    assert escape_controls(text) == text
    assert one_line(text) == text.replace("\n", "␊").replace("\t", "␉")


def test_control_characters_are_told_apart() -> None:
    assert escape_controls("\x1b[31m\x07\x00\x7f\r") == "␛[31m␇␀␡␍"
    assert escape_controls("a\u202eb\x9bc\ud800\uffff") == "a�b�c��"


def test_a_long_line_keeps_both_ends() -> None:
    line = one_line(f"temperature cannot be {'x' * 5000}: give a number from 0 to 5")
    assert len(line) <= MAX_LINE
    assert line.startswith("temperature cannot be xxx")
    assert line.endswith(": give a number from 0 to 5")
    assert one_line("x" * MAX_LINE) == "x" * MAX_LINE


@pytest.mark.parametrize("error", [AfterglowError, *AfterglowError.__subclasses__()])
def test_an_error_is_one_line_that_can_be_printed(error: type[AfterglowError]) -> None:
    check_shown(str(error(f"{HOSTILE} is wrong")))
    assert len(str(error(f"{HOSTILE}{'y' * 9999}; do this"))) <= MAX_LINE
    assert str(error("x; do this")) == "x; do this"


def test_a_value_of_thousands_of_characters_is_refused_in_a_short_line() -> None:
    for value in (["x"] * 5000, "9" * 5000, {"a": "b" * 5000}):
        with pytest.raises(SettingError) as caught:
            get_spec("temperature").check(value)
        assert len(str(caught.value)) <= MAX_LINE
        assert "number from" in str(caught.value)


def test_a_row_of_a_list_forges_no_line() -> None:
    lines = Listing("title", [(HOSTILE, HOSTILE), ("b", "c")]).lines()
    assert len(lines) == 2
    check_shown("\n".join(lines))


def test_names_of_models_and_passages_show_what_is_invisible(home: Path) -> None:
    hostile_text.fill_home(home)
    names = [entry.name for entry in list_models()] + passage_json.list_names()
    assert sum("PWN" in name for name in names) == 3
    check_shown("\n".join(names))
    assert not INVISIBLE.search("".join(names))


@pytest.mark.parametrize("typed", [HOSTILE, visible_name(HOSTILE)])
def test_a_model_of_a_hostile_name_is_found_by_both_names(home: Path, typed: str) -> None:
    path = hostile_text.hostile_model(home)
    assert find_model(typed) == (visible_name(HOSTILE), path, False)


def test_json_is_one_line_of_printable_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    echo_json({"name": HOSTILE})
    out = capsys.readouterr().out
    assert out[:-1].isprintable()
    assert out.isascii()
    assert json.loads(out) == {"name": HOSTILE}


def test_a_log_record_is_a_line_and_its_traceback_is_shown() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(LineFormatter("{levelname} {message}", style="{"))
    log = logging.Logger("a")
    log.addHandler(handler)
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        log.exception("%s failed", HOSTILE)
    check_shown(out.getvalue().split("\nValueError: ")[0])
    assert not hostile_text.OBEYED.search(out.getvalue())
    assert "Traceback" in out.getvalue()


def test_warnings_and_logs_without_a_handler_are_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["afterglow"])
    with warnings.catch_warnings():
        run_command(Command("c", callback=lambda: None))
        warnings.simplefilter("always")
        shown = warnings.formatwarning(HOSTILE, UserWarning, "file.py", 1)
    check_shown(shown)
    assert shown.startswith("afterglow: ")
    record = logging.makeLogRecord({"msg": HOSTILE})
    assert logging.lastResort
    logging.lastResort.handle(record)
    check_shown(capsys.readouterr().err)


def printing_calls(tree: ast.Module) -> set[str]:
    """Return the calls in a module that write to a terminal, as they are written there."""
    names = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    ends = ("print", "echo", "secho", "write_raw", "print_formatted_text", "writelines")
    streams = ("stdout", "stderr", "out", "terminal", "console", "_driver")
    return {
        name
        for name in names
        if (name.split(".")[-1] in ends and name not in ("echo", "_print"))
        or (name.endswith(".write") and name.split(".")[-2] in streams)
    }


def test_nothing_prints_past_the_functions_that_make_text_safe() -> None:
    if not (ROOT / "README.md").exists():
        pytest.skip("the sources are not here: this is no checkout")
    found = {}
    for package in ("core", "repl", "bot"):
        for path in sorted((ROOT / package).rglob("*.py")):
            calls = printing_calls(ast.parse(path.read_text("utf-8")))
            if calls:
                found[str(path.relative_to(ROOT))] = " ".join(sorted(calls))
    assert found == PRINTERS


def test_a_plot_of_losses_is_well_formed_with_any_title() -> None:
    pytest.importorskip("torch")
    from afterglow.core.training.loss_plot import render_loss_svg

    for title in (*PAYLOADS.values(), "\x00\ufffe\uffff\ud800<&>\"'"):
        svg = render_loss_svg(title, [], {title: 2.5})
        assert not hostile_text.OBEYED.search(svg.replace("\n", ""))
        ElementTree.fromstring(svg.encode("utf-8"))  # noqa: S314 - our own
