"""The setting ``heat`` with a unit of the network: its values, its steps, and what every front end shows."""

from __future__ import annotations

import asyncio
import io
import json
import re
import shutil
from collections.abc import Sequence
from itertools import groupby, pairwise
from pathlib import Path

import pytest
from afterglow.core.cells.units import SYMBOLS, parse_unit
from afterglow.core.commands.effects import Notice
from afterglow.core.commands.registry import completions
from afterglow.core.errors import AfterglowError
from afterglow.core.events import Token
from afterglow.core.generation.written_text import WrittenText
from afterglow.core.inference.model_file import Architecture
from afterglow.core.model import Model, load
from afterglow.core.paths import config_file
from afterglow.core.render.heat import SCALES, heat_look, heat_styles, unit_look
from afterglow.core.render.html_parts import TINTS
from afterglow.core.session.session import Session
from afterglow.core.session.unit_values import PassageValues
from afterglow.core.settings import Settings
from afterglow.repl.line import repl
from afterglow.repl.line.repl import LineRepl
from afterglow.repl.tui import app as app_module
from afterglow.repl.tui.lens.lens_layout import LensContent, lay_out
from afterglow.repl.tui.lens.lens_unit import ORDER
from afterglow.repl.tui.status.legend import Legend
from afterglow.repl.tui.text.transcript import Transcript
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from rich.cells import cell_len
from textual.theme import BUILTIN_THEMES

from .cli_helpers import RunCli
from .color_contrast import contrast, luminance
from .command_helpers import do
from .conftest import DATA
from .kernel_helpers import random_file
from .test_heat import THEMES, among_256
from .test_lens_layout import CERTAIN, inspection
from .tui_helpers import SIZE, lens_text, play, press, transcript_text

MODEL = ("--model", str(DATA / "tiny-char.safetensors"))
UNIT = "cell 2.19"
TOKEN = Token("a", 0, -1.0, -1.0, 1, 1.0, 1.0)


def notes(session: Session, line: str) -> list[str]:
    """The notices of a line."""
    return [effect.text for effect in do(session, line) if isinstance(effect, Notice)]


def looks(session: Session) -> list[str | None]:
    """The look of each token of the passage."""
    values = PassageValues(session).all()
    pairs = zip(session.passage.tokens(), values, strict=True)
    return [heat_look(token, session.settings.heat, value) for token, value in pairs]


@pytest.fixture
def small() -> Model:
    """A model of one layer with five units."""
    return Model("small", random_file(Architecture(9, 5, 1, 5)))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("/heat cell 9.1", "the model has no cell 9.1; its layers are 1 to 2, the units of each 0 to 47"),
        ("/heat cell 2.48", "the model has no cell 2.48; its layers are 1 to 2, the units of each 0 to 47"),
        (
            "/heat gate 1.1",
            "heat cannot be 'gate 1.1': it must be off, surprise, rank, entropy, temperature, or a unit",
        ),
        ("/set heat cell 0.1", "the model has no cell 0.1; its layers are 1 to 2"),
    ],
)
def test_a_wrong_unit_is_an_error_of_one_line_with_the_ranges(session: Session, line: str, message: str) -> None:
    session.set("heat", UNIT)
    with pytest.raises(AfterglowError) as caught:
        do(session, line)
    assert str(caught.value).startswith(message)
    assert session.settings.heat == UNIT


def test_a_mixture_has_no_cells(tmp_path: Path) -> None:
    paths = [shutil.copy(DATA / "tiny-char.safetensors", tmp_path / f"{name}.safetensors") for name in "ab"]
    session = Session(load(" + ".join(map(str, paths))))
    for line in ("/heat cell 1.1", "/heat next"):
        with pytest.raises(AfterglowError, match="a mixture has no cells of its own; choose one model"):
            do(session, line)
    assert session.settings.heat == "off"


def test_another_model_without_the_unit_turns_heat_off_and_says_so(tiny: Model, small: Model) -> None:
    session = Session(tiny, load_model=lambda name: {"small": small, "tiny": tiny}[name])
    do(session, "/heat cell 1.4")
    assert notes(session, "/model small") == ["small: type a seed"]
    assert session.settings.heat == "cell 1.4"
    do(session, "/model tiny")
    do(session, "/heat cell 2.7")
    message = (
        "small: type a seed; heat is off: the model has no cell 2.7; its only layer is 1, the units of each 0 to 4"
    )
    assert notes(session, "/model small") == [message]
    assert session.settings.heat == "off"


def test_a_saved_passage_of_a_larger_model_opens_without_its_unit(tiny: Model, small: Model) -> None:
    session = Session(tiny, Settings(rng=7, length=20))
    for line in ("/heat cell 2.7", "The lamp", "/save mine"):
        do(session, line)
    other = Session(small)
    assert "heat is off: the model has no cell 2.7" in " ".join(notes(other, "/open mine"))
    assert other.settings.heat == "off"
    again = Session(tiny)
    do(again, "/open mine")
    assert again.settings.heat == "cell 2.7"


@pytest.mark.parametrize(
    ("before", "word", "after"),
    [
        ("forget 1.7", "next", "forget 1.8"),
        ("cell 1.47", "next", "cell 2.0"),
        ("cell 2.47", "next", "cell 1.0"),
        ("hidden 1.0", "previous", "hidden 2.47"),
        ("rank", "next", "cell 1.0"),
    ],
)
def test_steps_go_through_the_units_of_all_layers(session: Session, before: str, word: str, after: str) -> None:
    session.set("heat", before)
    assert notes(session, f"/heat {word}") == [f"heat {before} → {after}"]


def test_completion_offers_units_and_steps(session: Session) -> None:
    session.set("heat", UNIT)
    offered = [value for value, _ in completions(session, "/heat ")]
    assert {UNIT, "next", "previous"} <= set(offered)
    assert offered.count(UNIT) == 1


def test_a_unit_in_the_configuration_that_the_model_lacks_is_left_out_with_a_notice(run: RunCli) -> None:
    config_file().parent.mkdir(parents=True, exist_ok=True)
    config_file().write_text('heat = "cell 2.99"\n')
    ran = run(*MODEL, stdin=b"/heat\n")
    assert "heat is off: the model has no cell 2.99" in ran.err
    assert ran.out.startswith("heat off") or "heat off" in ran.err
    assert run(*MODEL, "--heat", "cell 2.99", stdin=b"/heat\n").code == 2
    config_file().write_text('heat = "2.7"\n')
    ran = run(*MODEL, stdin=b"/heat\n")
    assert "heat cell 2.7" in ran.out + ran.err


@pytest.mark.parametrize("suffix", ["html", "svg"])
def test_exports_carry_the_colors_of_a_unit_and_its_legend(session: Session, tmp_path: Path, suffix: str) -> None:
    for line in (f"/heat {UNIT}", "The lamp", f"/export {tmp_path}/page.{suffix}"):
        do(session, line)
    page = (tmp_path / f"page.{suffix}").read_text("utf-8")
    found = looks(session)
    assert len(set(found)) == 5
    assert f"{UNIT}:" in page
    assert "0.7 and more" in page
    if suffix == "html":
        assert re.findall(r'<span class="h(\d)(?: c)?"(?: data-t="\S+")? title', page) == [
            look[-1] for look in found if look
        ]
        values = PassageValues(session).all()
        assert re.findall(rf"{UNIT}: (-?[\d.]+)", page) == [f"{value:.2f}" for value in values]
    else:
        inks = {SCALES["unit"].on_dark[int(look[-1])] for look in found if look}
        assert inks <= set(re.findall(r'fill="(#\w+)"', page))


def test_read_shows_a_unit_in_a_page_and_in_json(run: RunCli, tiny: Model, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("The lamp said nothing.")
    page = tmp_path / "page.html"
    values = json.loads(run("read", str(text), "--heat", "2.19", "--html", str(page), "--json", *MODEL).out)
    assert values["unit"] == UNIT
    state, expected = tiny.read("T").snapshot, []
    for token in values["tokens"]:
        state = tiny.advance(state, tiny.tokenizer.encode(token["text"]))
        expected.append(float(state.state[3][0, 19]))
    assert [token["value"] for token in values["tokens"]] == expected
    assert re.findall(rf"{UNIT}: (-?[\d.]+)", page.read_text("utf-8")) == [f"{value:.2f}" for value in expected]


@pytest.mark.parametrize("heat", ["off", "temperature", "cell 3.1", "warm"])
def test_read_says_which_heat_has_no_colors(run: RunCli, heat: str) -> None:
    result = run("read", "-", "--heat", heat, *MODEL, stdin=b"The lamp said nothing.")
    assert result.code == 2
    assert result.err.count("\n") == 1


def printed(session: Session, lines: str) -> str:
    """What the line REPL prints for these lines on a terminal with all colors."""
    output = io.StringIO()
    screen = Vt100_Output(output, lambda: Size(24, 200), default_color_depth=ColorDepth.DEPTH_24_BIT)
    with create_pipe_input() as source, create_app_session(input=source, output=screen):
        source.send_text(lines)
        asyncio.run(LineRepl(session).run())
    return output.getvalue()


def color_codes(looked: Sequence[str | None]) -> list[str]:
    """The terminal's codes of looks, as the line REPL sends them; "" for the terminal's own ink."""
    inks = [SCALES["unit"].on_dark[int(look[-1])] if look else "" for look in looked]
    return [";".join(str(int(ink[n : n + 2], 16)) for n in (1, 3, 5)) if ink != "#f2f2f2" else "" for ink in inks]


def test_the_line_repl_prints_a_text_in_the_colors_of_a_unit(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORFGBG", "15;0")
    session.set_all(session.settings.changed(heat=UNIT, speed=0, autosave=False))
    shown = printed(session, "The lamp\r\x04")
    found = looks(session)
    text, legend = shown.rpartition(f"{UNIT}: ")[::2]
    for part in (text, legend):
        assert set(color_codes(found)) - {""} <= set(re.findall(r"\x1b\[0;38;2;([\d;]+)m", part))


def test_the_line_repl_prints_the_end_of_a_passage_again_in_the_colors_of_a_unit(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repl, "MAX_REPRINTED_CHARS", 20)
    session.set_all(session.settings.changed(heat=UNIT, speed=0, autosave=False))
    for line in ("The lamp", "", ""):
        do(session, line)
    shown = printed(session, "/undo\r\x04").partition("undone")[2].partition(f"{UNIT}: ")[0]
    expected = color_codes(looks(session)[-20:])
    codes = [code or "" for code in re.findall(r"\x1b\[0(?:;38;2;([\d;]+))?m(?=[^\x1b])", shown)]
    assert [code for code, _ in groupby(codes) if code] == [code for code, _ in groupby(expected) if code]


async def test_the_full_screen_colors_a_text_by_a_unit_and_steps_to_the_next(app: app_module.AfterglowApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await play(pilot, f"/heat {UNIT}")
        await play(pilot, "The lamp")
        transcript = app.query_one(Transcript)

        def drawn_colors() -> set[object]:
            strips = (transcript.render_line(y) for y in range(transcript.size.height))
            return {segment.style.color for strip in strips for segment in strip if segment.style}

        def colors_of(found: Sequence[str | None]) -> set[object]:
            return {transcript.heat_style(look).color for look in found if look}

        assert colors_of(looks(app.session)) <= drawn_colors()
        assert app.query_one(Legend).render().plain.startswith(f"{UNIT}: < -0.7")
        assert "unit 2.19" in lens_text(app)
        assert f"cell {PassageValues(app.session).all()[-1]:.2f}".split()[1] in lens_text(app)
        await press(pilot, "full_stop", "full_stop")
        assert app.session.settings.heat == "cell 2.21"
        await press(pilot, "comma")
        assert app.session.settings.heat == "cell 2.20"
        assert transcript_text(app).count("heat cell") == 1
        assert colors_of(looks(app.session)) <= drawn_colors()
        assert "unit 2.20" in lens_text(app)
        await play(pilot, "/heat off")
        await press(pilot, "comma")
        assert app.session.settings.heat == "off"


@pytest.mark.parametrize(("width", "height"), [(23, 18), (23, 26), (23, 9), (31, 30), (58, 5), (58, 12)])
def test_the_unit_fits_in_the_lens_beside_candidates(width: int, height: int) -> None:
    parts = {part: {"cell": -12.5, "hidden": -1.0}.get(part, 0.25) for part in ORDER}
    content = LensContent(inspection(CERTAIN, 2), "token 7 of 9", 2, unit=(parse_unit("cell 2.7"), parts))
    lines = ["".join(text for text, _ in line) for line in lay_out(content, width, height).lines]
    assert len(lines) <= height
    assert max(map(cell_len, lines)) <= width
    assert lay_out(content, width, height).candidates
    shown = "\n".join(lines)
    assert "-12.5" in shown
    assert shown.count("0.25") == 4
    assert not re.search(r"\S(-12\.5|-1\.00|0\.25)", shown)  # a number is off its bar
    names = [part if height >= 16 and width < 46 else SYMBOLS[part] for part in ORDER]
    assert all(re.search(rf"(^|\s){name} ", shown, re.MULTILINE) for name in names)


UNITS = SCALES["unit"]


@pytest.mark.parametrize("name", THEMES)
def test_the_inks_of_units_are_readable_on_every_theme(name: str) -> None:
    inks = UNITS.on_dark if BUILTIN_THEMES[name].dark else UNITS.on_light
    assert min(contrast(ink, THEMES[name]) for ink in inks) >= 4.5


@pytest.mark.parametrize("inks", [UNITS.on_dark, UNITS.on_light])
def test_the_inks_of_units_differ_among_256_colors_and_lie_on_two_sides(inks: tuple[str, ...]) -> None:
    assert len(set(map(among_256, inks))) == 5

    def warmth(color: str) -> int:
        return int(color[1:3], 16) - int(color[5:7], 16)

    for convert in (str, among_256):
        warm = [warmth(convert(ink)) for ink in inks]
        assert warm[:2] < [0, 0]
        assert warm[2] == 0
        assert min(warm[3:]) > 0 > max(warm[:2])


def test_shades_on_paper_differ_without_colors_too() -> None:
    shades = sorted(map(luminance, UNITS.on_paper))
    assert min(b - a for a, b in pairwise(shades)) > 0.05
    assert min(contrast("#000000", paper) for paper in UNITS.on_paper) >= 7


@pytest.mark.parametrize("colors", [0, 16, 256])
@pytest.mark.parametrize("dark", [True, False])
def test_the_looks_of_units_differ_on_every_terminal(colors: int, dark: bool) -> None:
    styles = heat_styles(colors, dark, "unit")
    assert len(set(styles)) == 5
    assert not any("underline" in style.weight or "reverse" in style.weight for style in styles)
    assert (styles[2].weight, styles[2].color) in [("", ""), ("", "#f2f2f2"), ("", "#1c1c1c")]


@pytest.mark.parametrize(
    ("part", "value", "look"),
    [
        ("cell", -3.0, "unit0"),
        ("cell", -0.3, "unit1"),
        ("cell", 0.0, "unit2"),
        ("hidden", 0.5, "unit3"),
        ("candidate", 0.7, "unit4"),
        ("forget", 0.05, "unit0"),
        ("output", 0.5, "unit2"),
        ("input", 1.0, "unit4"),
    ],
)
def test_blue_is_below_the_middle_and_orange_above(part: str, value: float, look: str) -> None:
    assert unit_look(part, value) == look
    assert heat_look(TOKEN, f"{part} 1.2", value) == look
    assert heat_look(TOKEN, f"{part} 1.2") is None


def test_a_notebook_shows_a_unit_in_a_text_that_a_model_wrote(styled: Model) -> None:
    session = Session(styled, styled.settings.changed(rng=3, length=60, heat=UNIT, style="ann"))
    do(session, "The lamp")
    text = styled.write("The lamp", length=60, rng=3, style="ann").with_heat(UNIT)
    assert list(text.values) == PassageValues(session).all()
    page = text._repr_html_()
    values = [f"{value:.2f}" for value in text.values]
    assert re.findall(rf'title="{UNIT}: (-?[\d.]+), ', page) == values
    assert f"{UNIT}: " in page
    tints = [f"rgba({red},{green},{blue},{opacity})" for red, green, blue, opacity in TINTS["unit"] if opacity]
    assert [tint for tint in tints if page.count(tint) > 1] == tints
    assert "rgba" not in text.with_heat("off")._repr_html_()
    assert text.with_heat("rank").values == ()


@pytest.mark.parametrize(
    ("options", "heat", "message"),
    [
        ({}, "cell 3.1", "the model has no cell 3.1"),
        ({"style": "ann..bob"}, UNIT, "a unit is shown in a text of one style, not of a ramp"),
    ],
)
def test_a_notebook_says_which_unit_it_cannot_show(
    styled: Model, options: dict[str, object], heat: str, message: str
) -> None:
    with pytest.raises(AfterglowError, match=message):
        styled.write("The lamp", length=9, rng=3, **options).with_heat(heat)
    with pytest.raises(AfterglowError, match=r"is known in a text that model\.write returned"):
        WrittenText("", []).with_heat(heat)


@pytest.mark.parametrize("tint", TINTS["unit"])
def test_print_is_readable_on_the_tints_of_a_notebook(tint: tuple[int, int, int, float]) -> None:
    *color, opacity = tint
    for paper, ink in ((255, "#000000"), (17, "#ffffff")):
        mixed = "".join(f"{round(part * opacity + paper * (1 - opacity)):02x}" for part in color)
        assert contrast(f"#{mixed}", ink) >= 4.3
