"""Shows the temperature as a bar from strict to diverse."""

from __future__ import annotations

from typing import ClassVar

from textual.color import Color, Gradient
from textual.content import Content
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from ...core.setting_types import Ramp, Temperature

SCALE_MAX = 2.0
"""Temperature at the right end of the bar. An arrow marks a higher one."""

_format_temperature = Temperature(0, 5).show


class Thermometer(Widget):
    """One line with the number and a bar from 0 to 2. A ramp is a bar between its ends."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"thermometer--{name}" for name in ("number", "scale", "cold", "mild", "hot")
    }

    temperature: reactive[float | Ramp] = reactive(1.0)
    current: reactive[float | None] = reactive(None)
    """Temperature of the next token while text is being written, else None. It is shown on a ramp only."""

    def render(self) -> Content:
        """Return the line, as wide as the widget."""
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

    @property
    def _ramp_temperature(self) -> float | None:
        """Temperature of the next token if it is on a ramp, else None."""
        return self.current if isinstance(self.temperature, Ramp) else None

    def _format_number(self) -> str:
        number = f"T {_format_temperature(self.temperature)}"
        now = self._ramp_temperature
        return number if now is None else f"{number} now {_format_temperature(now)}"

    def _bar_cells(self, width: int) -> list[tuple[str, Style]]:
        """Return the cells of the bar, filled by half cells. Filled cells are heavy, to be seen without colors."""
        low, high = self.temperature if isinstance(self.temperature, Ramp) else (0.0, self.temperature)
        first, last = sorted(round(min(edge / SCALE_MAX, 1.0) * width * 2) for edge in (low, high))
        now = self._ramp_temperature
        mark = None if now is None else min(width - 1, int(now / SCALE_MAX * width))
        gradient = Gradient((0, self._color_of("cold")), (0.5, self._color_of("mild")), (1, self._color_of("hot")))
        cells = []
        for cell in range(width):
            filled = first <= 2 * cell + 1 <= last or first <= 2 * cell < last
            style = Style(foreground=gradient.get_color(cell / width)) if filled else self._style_of("scale")
            cells.append((_bar_glyph(cell, first, last, width // 2, mark), style))
        if max(low, high) > SCALE_MAX:
            cells[-1] = ("▶", cells[-1][1])
        return cells

    def _color_of(self, name: str) -> Color:
        return self.get_component_styles(f"thermometer--{name}").color

    def _style_of(self, name: str) -> Style:
        return self.get_visual_style(f"thermometer--{name}")


def _bar_glyph(cell: int, first: int, last: int, middle: int, mark: int | None) -> str:
    """Return one cell of the bar. Half cells ``first`` to ``last`` are filled. A tick in the middle marks T = 1."""
    left, right = (first <= half < last for half in (2 * cell, 2 * cell + 1))
    if cell == mark:
        return "●"
    if cell == middle:
        return "╋" if left and right else "┽" if left else "┼"
    return {(True, True): "━", (True, False): "╸", (False, True): "╺"}.get((left, right), "─")
