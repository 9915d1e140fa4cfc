"""The styles of a model: for each label of its training text a vector that shifts the gates of layer 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError, UsageError, suggest
from ..setting_styles import MAX_NAME_LENGTH, is_style_name
from .quantization import dequantize

STYLE_TENSORS = ("styles.weight", "styles.scale")
"""Names of the tensors of the table in a model file."""

MAX_STYLES = 4096
"""Most styles of a model."""

MAX_SHOWN = 40
"""Most names in a message."""

MAX_WEIGHT = 1e3
"""Largest weight of a style in a mix. A sum of all styles of a file is then finite."""

NO_SHIFT = np.float32(-0.0)
"""Added to a number, it changes no bit: +0 would turn -0 into +0."""


@dataclass(frozen=True, slots=True)
class StyleTable:
    """The names of S styles, and their vectors as int8 rows (S, 4H) with a scale for each, (S,).

    The gates are in torch's order, i f g o, as everywhere in a model file.
    """

    names: tuple[str, ...]
    weight: NDArray[np.int8]
    scale: NDArray[np.float32]

    def shift(self, mix: Mapping[str, float]) -> NDArray[np.float32]:
        """Return the weighted sum of the vectors of a mix, (4H,), the same bits on every machine.

        An empty mix gives a vector that changes no bit of the gates. Raises UsageError for a name that no style has,
        or a weight that is not a number from -1,000 to 1,000.
        """
        total = np.full(self.weight.shape[1], NO_SHIFT, np.float64)
        for name, weight in mix.items():
            if not -MAX_WEIGHT <= weight <= MAX_WEIGHT:
                raise UsageError(f"the weight of a style is a number from -1,000 to 1,000, not {weight}")
            row = self._index(name)
            total += self.weight[row] * (float(self.scale[row]) * weight)
        return total.astype(np.float32)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return the tensors that a model file holds, by name."""
        return dict(zip(STYLE_TENSORS, (self.weight, self.scale), strict=True))

    def rows(self) -> NDArray[np.float32]:
        """Return the vectors of all styles as float32, (S, 4H)."""
        return dequantize(self.weight, self.scale)

    def _index(self, name: str) -> int:
        if name in self.names:
            return self.names.index(name)
        hint = f"{suggest(name, self.names)} there are: {show_style_names(self.names)}".lstrip()
        raise UsageError(f"there is no style {name[:MAX_NAME_LENGTH]!r}; {hint}")


def show_style_names(names: Sequence[str]) -> str:
    """Return the names with commas between them; of more than ``MAX_SHOWN`` only the first."""
    return ", ".join(names[:MAX_SHOWN]) + (", …" if len(names) > MAX_SHOWN else "")


def parse_style_names(values: object) -> tuple[str, ...]:
    """Return the names in a model file's header, () if it has none. Raises ModelError if they cannot be right."""
    if values is None:
        return ()
    if not isinstance(values, list) or not 1 <= len(values) <= MAX_STYLES:
        raise ModelError(f"its styles are not a list of 1 to {MAX_STYLES:,} names")
    if not all(map(is_style_name, values)) or len(set(values)) != len(values):
        raise ModelError("its styles do not have distinct names of one word each")
    return tuple(values)


def require_shifts(shifts: NDArray[Any], rows: int, width: int) -> None:
    """Raise ValueError unless ``shifts`` are float32, (B, 4H) for B = ``rows`` and H = ``width``."""
    if shifts.shape != (rows, 4 * width) or shifts.dtype != np.float32:
        raise ValueError(f"shifts are {shifts.dtype} {shifts.shape}, not float32 {(rows, 4 * width)}")
