"""The type of the setting ``heat``: a figure of each token, or one number inside the LSTM, as in "cell 2.393"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from .errors import SettingError
from .setting_types import Kind

HEAT_MODES = ("off", "surprise", "rank", "entropy", "temperature")
"""Heat without colors, and the figures that every token has."""

PARTS = ("cell", "hidden", "input", "forget", "output", "candidate")
"""The parts of a unit at each token: the cell c, the hidden state h, the gates i, f and o, and the candidate g."""

SYMBOLS = dict(zip(PARTS, "chifog", strict=True))
"""The letter of each part in the equations of ``cells.traces``."""

GATE_PARTS = ("input", "forget", "output")
"""The parts that are from 0 (shut) to 1 (open). The candidate and h are from -1 to 1; c is any number."""

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


@lru_cache(maxsize=64)  # asked for at every token that is drawn on a screen
def heat_unit(heat: str) -> Unit | None:
    """Return the unit that a value of the setting ``heat`` names, None if it is one of ``HEAT_MODES``."""
    return None if heat in HEAT_MODES else parse_unit(heat)


@dataclass(frozen=True, slots=True)
class Heat(Kind):
    """One of ``HEAT_MODES``, or a unit as ``parse_unit`` reads it. It is kept as text: "cell 2.393"."""

    range = f"{', '.join(HEAT_MODES)}, or a unit of the network such as cell 2.393"
    examples = (*HEAT_MODES, "cell 1.0")

    def parse(self, text: str, current: object) -> str:  # noqa: ARG002
        return text.lower()

    def check(self, value: object) -> str:
        if not isinstance(value, str):
            raise TypeError
        try:
            return value if value in HEAT_MODES else str(parse_unit(value))
        except SettingError:
            raise ValueError from None

    def show(self, value: object) -> str:
        return str(value)
