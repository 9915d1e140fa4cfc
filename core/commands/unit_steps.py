"""Steps of the setting ``heat`` from one unit of the network to another."""

from __future__ import annotations

from dataclasses import replace

from ..cells.units import require_cells
from ..model import Model
from ..session.session import Session
from ..setting_heat import Unit, heat_unit

UNIT_STEPS = {"next": 1, "previous": -1}
"""Steps to the units beside the shown one."""


def step_unit(session: Session, word: str) -> str:
    """Return the value of ``heat`` after a step of ``UNIT_STEPS``. Without a unit, a step leads to the first one.

    Raises UsageError if the model has no cells.
    """
    require_cells(session.model.file)
    unit = heat_unit(session.settings.heat)
    return str(_neighbor(session.model, unit, UNIT_STEPS[word]) if unit else Unit("cell", 1, 0))


def _neighbor(model: Model, unit: Unit, step: int) -> Unit:
    """Return the next (1) or previous (-1) unit. The last of a layer is followed by the first of the next layer."""
    layers, width = model.file.architecture.layers, model.file.architecture.width
    number = ((unit.layer - 1) * width + unit.index + step) % (layers * width)
    return replace(unit, layer=number // width + 1, index=number % width)
