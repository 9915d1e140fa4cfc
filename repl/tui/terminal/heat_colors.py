"""The colors of heat as variables of the style sheet, chosen for the terminal and the theme."""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import App

from ....core.render.heat import SCALES, heat_styles

_COLOR_COUNTS = {"windows": 16, "standard": 16, "256": 256, "truecolor": 1 << 24}
"""Number of colors of a terminal, by rich's name for its kind. A terminal of no kind has none."""

_AS_RICH_HAS_THEM = {
    "yellow": "#aa5500",
    "bright_yellow": "#ffff55",
    "red": "#aa0000",
    "bright_red": "#ff5555",
    "blue": "#0000aa",
    "bright_blue": "#5555ff",
    "cyan": "#00aaaa",
    "bright_cyan": "#55ffff",
}
"""The terminal's own colors as rich knows them: it sends the nearest one. Textual's names would come out as others."""


class HeatColors(App[None]):
    """An app whose style sheet has the variables ``$heat-0`` to ``$heat-4`` and ``$heat-0-weight`` to ``…-4-weight``.

    So has each other scale of heat, by its name. A theme can give them other values.
    """

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the variables for the terminal's colors and the theme's background."""
        return dict(self._heat_variables())

    def _heat_variables(self) -> Iterator[tuple[str, str]]:
        colors = 0 if self.no_color else _COLOR_COUNTS.get(self.console.color_system or "", 0)
        for name in SCALES:
            for level, (color, weight) in enumerate(heat_styles(colors, self.current_theme.dark, name)):
                yield f"{name}-{level}", self._to_css(color)
                yield f"{name}-{level}-weight", weight or "none"

    def _to_css(self, color: str) -> str:
        """Return a color of ``HeatStyle`` as the style sheet writes it."""
        if not color:
            return self.current_theme.to_color_system().generate()["foreground"]
        return _AS_RICH_HAS_THEM.get(color, color)
