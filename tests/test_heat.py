"""The colors of heat: text is readable on every theme's background, and the levels differ by lightness alone."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from afterglow.core.events import Token
from afterglow.core.render.heat import HEAT_ON_DARK, HEAT_ON_LIGHT, HEAT_ON_PAPER, heat_styles
from afterglow.repl.line.printer import print_events, print_legend
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output
from rich.color import Color, ColorSystem
from textual.theme import BUILTIN_THEMES

from .color_contrast import contrast, luminance


def lightness(color: str) -> float:
    """L* of CIELAB, 0 to 100. Equal steps look equal, to color-blind people too."""
    y = luminance(color)
    return 116 * y ** (1 / 3) - 16 if y > 216 / 24389 else y * 24389 / 27


def among_256(color: str) -> str:
    """The color that a terminal with 256 colors shows instead."""
    return str(Color.parse(color).downgrade(ColorSystem.EIGHT_BIT).get_truecolor().hex)


THEMES = {
    name: str(theme.to_color_system().generate()["background"])
    for name, theme in BUILTIN_THEMES.items()
    if not theme.ansi
}


@pytest.mark.parametrize("name", THEMES)
def test_heat_is_readable_on_every_theme(name: str) -> None:
    inks = HEAT_ON_DARK if BUILTIN_THEMES[name].dark else HEAT_ON_LIGHT
    assert min(contrast(ink, THEMES[name]) for ink in inks) >= 4.5


def test_black_print_is_readable_on_the_paper_of_every_level() -> None:
    assert min(contrast("#000000", paper) for paper in HEAT_ON_PAPER) >= 7


@pytest.mark.parametrize("colors", [HEAT_ON_DARK, HEAT_ON_LIGHT, HEAT_ON_PAPER])
def test_levels_of_heat_differ_by_lightness(colors: tuple[str, ...]) -> None:
    steps = [lightness(b) - lightness(a) for a, b in pairwise(colors)]
    assert min(map(abs, steps)) >= 5
    assert len({step > 0 for step in steps}) == 1


@pytest.mark.parametrize("inks", [HEAT_ON_DARK, HEAT_ON_LIGHT])
def test_levels_of_heat_differ_among_256_colors(inks: tuple[str, ...]) -> None:
    steps = [lightness(among_256(b)) - lightness(among_256(a)) for a, b in pairwise(inks)]
    assert min(map(abs, steps)) >= 5


@pytest.mark.parametrize("colors", [0, 16, 256, 1 << 24])
@pytest.mark.parametrize("dark", [True, False])
def test_levels_of_heat_differ_in_looks_and_leave_the_underline_to_copies(colors: int, dark: bool) -> None:
    styles = heat_styles(colors, dark)
    assert len(set(styles)) == 5
    assert not any("underline" in style.weight for style in styles)
    assert all(not style.color for style in styles) == (colors == 0)
    assert all(not style.weight for style in styles) == (colors > 16)


@pytest.mark.parametrize(
    ("depth", "background", "codes"),
    [
        (ColorDepth.DEPTH_1_BIT, "", "0;1;3m"),
        (ColorDepth.DEPTH_4_BIT, "15;0", "93;7m"),
        (ColorDepth.DEPTH_4_BIT, "0;15", "31;7m"),
        (ColorDepth.DEPTH_8_BIT, "15;0", "38;5;202m"),
        (ColorDepth.DEPTH_8_BIT, "0;7", "38;5;160m"),
        (ColorDepth.DEPTH_24_BIT, "", "38;2;255;114;44m"),
    ],
)
def test_the_line_repl_prints_heat_for_its_terminal(
    depth: ColorDepth, background: str, codes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLORFGBG", background)
    printed = io.StringIO()
    output = Vt100_Output(printed, lambda: Size(24, 80), default_color_depth=depth)
    with create_app_session(output=output):
        print_events([Token("a", 0, -9.0, -9.0, 99, 1.0, 1.0), Token("b", 0, 0.0, 0.0, 1, 1.0, 1.0)], "surprise")
    assert f"{codes}a" in printed.getvalue()
    assert "38;" not in printed.getvalue().partition("a")[2]


def test_the_line_repl_prints_a_legend_in_the_same_colors() -> None:
    printed = io.StringIO()
    output = Vt100_Output(printed, lambda: Size(24, 80), default_color_depth=ColorDepth.DEPTH_8_BIT)
    with create_app_session(output=output):
        print_legend("rank")
        print_legend("off")
    assert "38;5;202m31 and more" in printed.getvalue()
    assert printed.getvalue().count("\n") == 1
