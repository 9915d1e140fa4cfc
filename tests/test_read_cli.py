"""``afterglow read``: figures in a pipe, colors on a terminal, JSON, and a page; and /read in the other front ends."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from afterglow.core.model import Model
from afterglow.core.render.marks import mark_spans
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.repl.line.printer import print_note, print_passage
from afterglow.repl.line.script import run_script
from afterglow.repl.tui import app as app_module
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output

from .cli_helpers import RunCli
from .conftest import DATA
from .hostile_text import HOSTILE_TEXT, check_shown, on_terminal
from .tui_helpers import SIZE, lens_text, play, press, screen_lines

MODEL = ("-m", str(DATA / "tiny-char.safetensors"))
TEXT = "The lamp keeper 日."


@pytest.fixture
def text(tmp_path: Path) -> str:
    """The path of a text."""
    path = tmp_path / "text.txt"
    path.write_text(TEXT, "utf-8")
    return str(path)


def test_a_pipe_gets_the_figures(run: RunCli, text: str, tiny: Model) -> None:
    result = run("read", text, *MODEL)
    assert result.code == 0
    assert re.search(rf"^bits per char +{tiny.score(TEXT).bits_per_char_stateful:.4f}$", result.out, re.MULTILINE)
    assert re.search(r"^unseen +1$", result.out, re.MULTILINE)
    assert "keeper" not in result.out
    assert "has never seen 日" in result.err


def test_standard_input_is_read(run: RunCli, text: str) -> None:
    assert run("read", "-", *MODEL, stdin=TEXT.encode()).out == run("read", text, *MODEL).out


def test_json_has_each_token_with_the_likeliest_ones(run: RunCli, text: str, tiny: Model) -> None:
    values = json.loads(run("read", text, "--json", *MODEL).out)
    assert values["bits_per_char"] == pytest.approx(tiny.score(TEXT).bits_per_char_stateful)
    assert "".join(token["text"] for token in values["tokens"]) == TEXT[1:]
    best = list(tiny.distribution("T").items())[:5]
    assert [text for text, _ in values["tokens"][0]["likeliest"]] == [text for text, _ in best]


def test_a_page_has_figures_and_a_tooltip_for_each_token(run: RunCli, text: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    result = run("read", text, "--html", str(page), "--heat", "rank", *MODEL)
    assert f"written: {page}" in result.err
    assert "bits per char" in result.out
    written = page.read_text("utf-8")
    tooltips = re.findall(r'title="([^"]*)"', written)
    assert len(tooltips) == len(TEXT) - 1
    assert all(re.fullmatch(r"T 1.00, rank \d+, [\d.]+ bits, p \S+\nlikeliest: .*%", each) for each in tooltips)
    assert "rank: " in written
    assert "bits per character" in written


def test_a_file_is_replaced_only_if_told_to(run: RunCli, text: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("mine")
    assert run("read", text, "--html", str(page), *MODEL).code == 2
    assert page.read_text() == "mine"
    assert run("read", text, "--html", str(page), "--replace", *MODEL).code == 0
    assert page.read_text() != "mine"


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [("none.txt", None, "there is no text file"), ("b.bin", b"\0", "binary data"), ("e.txt", b"", "nothing to read")],
)
def test_what_is_no_text_gets_one_line(
    name: str, data: bytes | None, message: str, run: RunCli, tmp_path: Path
) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)
    result = run("read", str(tmp_path / name), *MODEL)
    assert (result.code, result.out, result.err.count("\n")) == (1, "", 1)
    assert message in result.err


def test_a_terminal_gets_the_text_the_legend_and_the_figures(
    run: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text.txt").write_text(HOSTILE_TEXT, "utf-8")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with on_terminal(monkeypatch) as shown:
        run("read", str(tmp_path / "text.txt"), *MODEL)
    plain = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", shown[0]).replace("\r\n", "\n")
    check_shown(plain)
    assert "gpj.exe" in plain
    assert "surprise, bits: < 1  1  2  4  7 and more" in plain
    assert "bits per character" in plain


def test_a_script_gets_figures_and_no_empty_lines(text: str, tiny: Model, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_script(Session(tiny, Settings(rng=7)), [f"/read {text}"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "bits per character" in err


def test_the_line_repl_prints_copies_underlined_and_heat_in_color(copying: Model) -> None:
    session = Session(copying, Settings(rng=7, length=200))
    list(session.write_from("The keeper"))
    printed = io.StringIO()
    output = Vt100_Output(printed, lambda: Size(24, 80), default_color_depth=ColorDepth.TRUE_COLOR)
    spans = list(mark_spans(session.passage, copying.copy_tracker()))
    with create_app_session(output=output):
        print_passage(spans, "surprise")
    shown = re.findall(r"\x1b\[0;?([\d;]*)m([^\x1b]*)", printed.getvalue().replace("\r\n", "\n"))
    underlined = "".join(text for codes, text in shown if codes.split(";")[-1] == "4")
    assert underlined == "".join(span.text for span in spans if span.copied)
    assert underlined
    assert any("38;2;255" in codes for codes, _ in shown)


async def test_the_full_screen_shows_a_file_under_cursor_and_lens(app: app_module.AfterglowApp, text: str) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, f"/read {text}")
        assert any(TEXT in line for line in screen_lines(app))
        await press(pilot, "home", "right", "right")
        assert f"token 3 of {len(TEXT) - 1}" in lens_text(app)
        await press(pilot, "escape")
        await play(pilot, "")
        assert app.session.passage.text().startswith(TEXT)
        await play(pilot, "/undo")
        assert app.session.passage.text() == TEXT


def test_the_line_repl_breaks_figures_between_words() -> None:
    printed = io.StringIO()
    output = Vt100_Output(printed, lambda: Size(24, 30), default_color_depth=ColorDepth.DEPTH_1_BIT)
    with create_app_session(output=output):
        print_note("404 characters · 2.29 bits per character")
    lines = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", printed.getvalue()).splitlines()
    assert lines == ["404 characters · 2.29 bits", "per character"]
