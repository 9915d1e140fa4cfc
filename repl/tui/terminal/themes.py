"""The themes: the one chosen last, and what is the same in all of them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence

from textual.app import App
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import Theme

from ....core.errors import AfterglowError
from ....core.file_io import write_atomically
from ....core.paths import theme_file
from .nearest_colors import NearestColors

SCROLLBAR_STRENGTHS = {"scrollbar": 0.25, "scrollbar-hover": 0.4, "scrollbar-active": 0.5}
"""Share of the text's color in a scrollbar, which is else of the color of the background."""


class ThemedApp(App[None]):
    """An app that looks alike in all themes: its scrollbars are gray. On 256 colors it takes the nearest of these."""

    def __init__(self) -> None:
        super().__init__()
        self._nearest_colors = NearestColors()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return the filters that each drawn line goes through."""
        filters = super().get_line_filters()
        return [*filters, self._nearest_colors] if self.console.color_system == "256" else filters

    def get_css_variables(self) -> dict[str, str]:
        """Return the variables of the style sheet."""
        variables = super().get_css_variables()
        variables |= scrollbar_colors(variables["foreground"], variables["background"])
        return variables


def scrollbar_colors(foreground: str, background: str) -> dict[str, str]:
    """Return the colors of scrollbars as variables of the style sheet: gray on the background."""
    text, page = Color.parse(foreground), Color.parse(background)
    track = dict.fromkeys((f"scrollbar-background{state}" for state in ("", "-hover", "-active")), background)
    if text.ansi is not None:
        return track | dict.fromkeys(SCROLLBAR_STRENGTHS, "ansi_bright_black")
    return track | {name: page.blend(text, strength).hex for name, strength in SCROLLBAR_STRENGTHS.items()}


def restore_theme(app: App[None]) -> None:
    """Give the app the theme that was chosen last, and save each theme that is chosen from now on.

    If none was chosen, a terminal with 16 colors is drawn in its own colors.
    """
    saved = load_theme()
    if saved in app.available_themes:
        app.theme = saved
    elif app.console.color_system == "standard" and "TEXTUAL_THEME" not in os.environ:
        app.theme = "ansi-dark"
    start = app.theme

    def save_choice(theme: Theme) -> None:
        if theme.name != start or load_theme():
            save_theme(theme.name)

    app.theme_changed_signal.subscribe(app, save_choice)


def load_theme() -> str:
    """Return the name of the last chosen theme, "" if there is none."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return theme_file().read_text("utf-8").strip()
    return ""


def save_theme(name: str) -> None:
    """Save the name of a theme for the next start. Failures are ignored."""
    with contextlib.suppress(AfterglowError):
        write_atomically(theme_file(), name.encode())
