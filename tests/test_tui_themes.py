"""The colors of the full screen: grays stay gray on 256 colors, and a theme is kept only if it was chosen."""

from __future__ import annotations

import pytest
from afterglow.core.model import Model
from afterglow.core.paths import theme_file
from afterglow.core.session.session import Session
from afterglow.core.settings import Settings
from afterglow.repl.tui import app as app_module
from afterglow.repl.tui.prompt import PromptInput
from afterglow.repl.tui.terminal.nearest_colors import NearestColors
from afterglow.repl.tui.terminal.themes import scrollbar_colors
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as TextualColor
from textual.theme import BUILTIN_THEMES

from .tui_helpers import SIZE, play, press

GRAYS = {*range(232, 256), *(16 + 43 * level for level in range(6))}
"""Numbers of the grays among 256 colors."""


def shown(color: str) -> int | None:
    (segment,) = NearestColors().apply([Segment("x", Style(bgcolor=color))], TextualColor(0, 0, 0))
    assert segment.style
    assert segment.style.bgcolor
    return segment.style.bgcolor.number


def test_what_looks_gray_is_gray_on_256_colors() -> None:
    dim = ("textual-dark", "textual-light", "nord", "tokyo-night", "catppuccin-mocha", "gruvbox", "monokai", "dracula")
    for name in dim:
        variables = BUILTIN_THEMES[name].to_color_system().generate()
        variables |= scrollbar_colors(variables["foreground"], variables["background"])
        for place in ("background", "surface", "panel", "scrollbar", "scrollbar-background"):
            assert shown(variables[place]) in GRAYS, (name, place, variables[place])


def test_colors_that_a_terminal_has_stay_and_others_are_the_nearest() -> None:
    assert [shown(color) for color in ("#5fafff", "#ff0000", "#121212", "#242f38")] == [75, 196, 233, 236]
    assert [shown(color) for color in ("red", "bright_black", "default")] == [1, 8, None]
    plain = Segment("x")
    assert NearestColors().apply([plain], TextualColor(0, 0, 0)) == [plain]


@pytest.mark.parametrize(
    ("terminal", "colors"), [("xterm-256color", "256"), ("xterm-16color", "standard"), ("xterm-direct", None)]
)
async def test_colors_are_chosen_for_the_terminal(
    terminal: str, colors: str | None, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", "auto")
    monkeypatch.setenv("TERM", terminal)
    if colors:
        monkeypatch.delenv("COLORTERM")
    app = app_module.AfterglowApp(session)
    async with app.run_test(size=SIZE) as pilot:
        assert app.console.color_system == (colors or "truecolor")
        assert any(isinstance(each, NearestColors) for each in app.get_line_filters()) == (colors == "256")
        assert (app.theme == "ansi-dark") == (colors == "standard")
        await pilot.pause()
        assert not theme_file().exists()


async def test_a_theme_that_was_chosen_is_kept_also_the_one_from_the_start(session: Session) -> None:
    for theme in ("nord", "textual-dark"):
        app = app_module.AfterglowApp(session)
        async with app.run_test(size=SIZE) as pilot:
            app.theme = theme
            await pilot.pause()
        assert theme_file().read_text() == theme


def test_scrollbars_are_between_text_and_background() -> None:
    assert scrollbar_colors("#ffffff", "#000000")["scrollbar"] == "#3F3F3F"
    assert scrollbar_colors("#000000", "#ffffff")["scrollbar-background"] == "#ffffff"
    assert scrollbar_colors("ansi_default", "ansi_default")["scrollbar"] == "ansi_bright_black"


async def test_nothing_keeps_the_colors_of_the_theme_before(tiny: Model) -> None:
    """The whole screen is as it would be if the app had begun in that theme."""
    drawn = []
    for begin, change in (("textual-dark", "textual-light"), ("textual-light", "textual-light")):
        app = app_module.AfterglowApp(
            Session(tiny, Settings(rng=7, length=60, speed=0, heat="surprise", autosave=False))
        )
        async with app.run_test(size=SIZE) as pilot:
            app.theme = begin
            await play(pilot, "The lamp")
            await press(pilot, "left", "/", "t")
            app.theme = change
            await pilot.pause()
            app.screen.query_one(PromptInput).cursor_blink = False
            await pilot.pause()
            drawn.append(app.screen._compositor.render_strips())
    for changed, begun in zip(*drawn, strict=True):
        assert list(changed) == list(begun), begun.text
