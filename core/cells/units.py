"""Names one number inside the LSTM: the part, the layer and the unit, as in "cell 2.393"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import SettingError
from ..inference.model_file import Architecture

PARTS = ("cell", "hidden", "input", "forget", "output", "candidate")
"""The parts of a unit at each token: the cell c, the hidden state h, the gates i, f and o, and the candidate g."""

SYMBOLS = dict(zip(PARTS, "chifog", strict=True))
"""The letter of each part in the equations of ``traces``."""

_FORM = re.compile(r"(?:([a-z]+)\s+)?(\d{1,9})\.(\d{1,9})", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Unit:
    """A part of a unit of the LSTM. Layers are counted from 1, the units of a layer from 0."""

    part: str
    layer: int
    index: int

    def __str__(self) -> str:
        return f"{self.part} {self.layer}.{self.index}"


def parse_unit(text: str) -> Unit:
    """Return the unit in a text such as "cell 2.393", "forget 1.7", "h 2.393" or "2.393", which is the cell.

    Raises SettingError if it is written otherwise.
    """
    match = _FORM.fullmatch(text.strip())
    names = dict(zip((*PARTS, *SYMBOLS.values()), PARTS * 2, strict=True))
    part = names.get((match[1] or PARTS[0]).lower()) if match else None
    if not match or part is None:
        raise SettingError(
            f"{text[:40]!r} is no unit; write its part, layer and number, as in cell 2.393; parts: {', '.join(PARTS)}"
        )
    return Unit(part, int(match[2]), int(match[3]))


def require_unit(unit: Unit, architecture: Architecture) -> None:
    """Raise SettingError if the model has no such unit."""
    if not (1 <= unit.layer <= architecture.layers and unit.index < architecture.width):
        layers, last = architecture.layers, architecture.width - 1
        known = f"its layers are 1 to {layers}" if layers > 1 else "its only layer is 1"
        raise SettingError(f"the model has no {unit}; {known}, the units of each 0 to {last}")
