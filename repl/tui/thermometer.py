"""The thermometer: where the temperature stands between strict and diverse. Knows a number or a ramp, no session."""

from __future__ import annotations

from typing import ClassVar

from textual.color import Color, Gradient
from textual.content import Content
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from ...core.setting_types import Ramp, Temperature

SCALE_MAX = 2.0
"""The end of the scale; what is higher fills it."""

_format_temperature = Temperature(0, 5).show


class Thermometer(Widget):
    """One line: the number, and a bar from 0 to 2. A ramp shows both its ends, and where it is now."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"thermometer--{name}" for name in ("number", "scale", "cold", "mild", "hot")
    }

    temperature: reactive[float | Ramp] = reactive(1.0)
    current: reactive[float | None] = reactive(None)
    """The T that drew the last token, while text is being written."""

    def render(self) -> Content:
        """The line as wide as there is room."""
        words = ("strict ", " diverse") if self.size.width >= 70 else ("", "")
        number = f" {self._format_number()}  "
        room = self.size.width - len(number) - sum(map(len, words)) - 1
        scale = self._style_of("scale")
        parts = [
            (number, self._style_of("number")),
            (words[0], scale),
            *self._bar_cells(max(4, room)),
            (words[1], scale),
        ]
        return Content.assemble(*parts)

    def _format_number(self) -> str:
        moving = isinstance(self.temperature, Ramp) and self.current is not None
        return f"T {_format_temperature(self.temperature)}" + (
            f" now {_format_temperature(self.current)}" if moving else ""
        )

    def _bar_cells(self, width: int) -> list[tuple[str, Style]]:
        """Half a cell is the smallest step; heavy is filled, so that it reads without colours too."""
        low, high = self.temperature if isinstance(self.temperature, Ramp) else (0.0, self.temperature)
        first, last = sorted(round(min(edge / SCALE_MAX, 1.0) * width * 2) for edge in (low, high))
        mark = None if self.current is None or low == 0.0 else min(width - 1, int(self.current / SCALE_MAX * width))
        warmth = Gradient((0, self._color_of("cold")), (0.5, self._color_of("mild")), (1, self._color_of("hot")))
        cells = []
        for cell in range(width):
            filled = first <= 2 * cell + 1 <= last or first <= 2 * cell < last
            style = Style(foreground=warmth.get_color(cell / width)) if filled else self._style_of("scale")
            cells.append((_bar_glyph(cell, first, last, width // 2, mark), style))
        if max(low, high) > SCALE_MAX:
            cells[-1] = ("▶", cells[-1][1])
        return cells

    def _color_of(self, name: str) -> Color:
        return self.get_component_styles(f"thermometer--{name}").color

    def _style_of(self, name: str) -> Style:
        return self.get_visual_style(f"thermometer--{name}")


def _bar_glyph(cell: int, first: int, last: int, middle: int, mark: int | None) -> str:
    """One cell of the bar, whose left and right half may be filled; T = 1 in the middle has a tick."""
    left, right = (first <= half < last for half in (2 * cell, 2 * cell + 1))
    if cell == mark:
        return "●"
    if cell == middle:
        return "╋" if left and right else "┽" if left else "┼"
    return {(True, True): "━", (True, False): "╸", (False, True): "╺"}.get((left, right), "─")
