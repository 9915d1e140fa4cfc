"""The thermometer: the temperature on a scale from strict to diverse, in a few columns."""

from __future__ import annotations

from typing import NamedTuple

from ....core.setting_types import Ramp
from ..keys.key_bindings import TEMPERATURE_STEP

SCALE_MAX = 2.0
"""Temperature at the right end of the scale. An arrow marks a higher one."""


class Thermometer(NamedTuple):
    """A scale from 0 to 2 with a knob at the temperature. A ramp is a bar between its ends, its knob where it is now.

    ``now`` is the temperature of the next token on a ramp while text is being written, else None. ``ticks`` are other
    temperatures to mark, those of a sweep's columns. The one number ``chosen_tick``, from 0, is filled.
    """

    temperature: float | Ramp
    now: float | None = None
    ticks: tuple[float, ...] = ()
    chosen_tick: int = 0

    @property
    def label(self) -> str:
        """The temperature in words: "T 0.80", or "T 0.20→1.60 now 0.84" for a ramp."""
        if not isinstance(self.temperature, Ramp):
            return f"T {self.temperature:.2f}"
        now = "" if self.now is None else f" now {self.now:.2f}"
        return f"T {self.temperature.start:.2f}→{self.temperature.end:.2f}{now}"

    def temperature_at(self, cell: int, width: int) -> float:
        """Return the temperature at a cell, in whole steps. Cells beyond an end of the scale have the one there."""
        share = min(1.0, max(0.0, cell / (width - 1)))
        return round(round(share * SCALE_MAX / TEMPERATURE_STEP) * TEMPERATURE_STEP, 4)

    def cells(self, width: int) -> list[tuple[str, bool]]:
        """Return a character for each cell, and True if it is filled. Filled cells are heavy, for want of colors."""
        low, high = self.temperature if isinstance(self.temperature, Ramp) else (0.0, self.temperature)
        first, last = sorted(cell_of(edge, width) for edge in (low, high))
        signs = self._signs(width)
        filled = [first <= cell <= last for cell in range(width)]
        return [(signs.get(cell, "━" if is_filled else "─"), is_filled) for cell, is_filled in enumerate(filled)]

    def _signs(self, width: int) -> dict[int, str]:
        """Return the characters that stand on the scale, by their cells: the middle, the knob, the ticks."""
        knob = self.now if isinstance(self.temperature, Ramp) else self.temperature
        signs = {width // 2: "┼"}
        if knob is not None:
            signs[cell_of(knob, width)] = "●"
        if max(self.temperature if isinstance(self.temperature, Ramp) else (self.temperature,)) > SCALE_MAX:
            signs[width - 1] = "▶"
        signs |= {cell_of(tick, width): "◇" for tick in self.ticks}
        if self.ticks:
            signs[cell_of(self.ticks[self.chosen_tick], width)] = "◆"
        return signs


def cell_of(temperature: float, width: int) -> int:
    """Return the cell of a temperature on a scale of ``width`` cells."""
    return round(min(1.0, temperature / SCALE_MAX) * (width - 1))
