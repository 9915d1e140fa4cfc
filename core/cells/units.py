"""The units of the LSTM that a model has. How one is named is in ``setting_heat``."""

from __future__ import annotations

import re

from ..errors import SettingError, UsageError
from ..inference.model_file import Architecture, ModelFile
from ..setting_heat import PARTS, SYMBOLS, Unit, heat_unit, parse_unit

__all__ = ["PARTS", "SYMBOLS", "Unit", "parse_unit", "read_card_cells", "require_cells", "require_heat", "require_unit"]


def require_unit(unit: Unit, architecture: Architecture) -> None:
    """Raise SettingError if the model has no such unit."""
    if not (1 <= unit.layer <= architecture.layers and unit.index < architecture.width):
        layers, last = architecture.layers, architecture.width - 1
        known = f"its layers are 1 to {layers}" if layers > 1 else "its only layer is 1"
        raise SettingError(f"the model has no {unit}; {known}, the units of each 0 to {last}")


def require_cells(file: ModelFile) -> None:
    """Raise UsageError for a mixture."""
    if not file.tensors:
        raise UsageError("a mixture has no cells of its own; choose one model")


def require_heat(file: ModelFile, heat: str) -> None:
    """Raise UsageError if the setting ``heat`` names a unit that the model does not have."""
    unit = heat_unit(heat)
    if unit:
        require_cells(file)
        require_unit(unit, file.architecture)


def read_card_cells(cells: str) -> list[tuple[str, str]]:
    """Return the cells in a model's card, as ``ranking.describe_best_cells`` writes them: (cell, what it follows)."""
    finds = re.findall(r"(\d{1,9}\.\d{1,9}) ([^(),]{1,80} \(r -?[\d.]{1,9}\))", cells)
    return [(f"cell {place}", follows) for place, follows in finds]
