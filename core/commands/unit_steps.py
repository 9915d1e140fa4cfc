"""Steps of the setting ``heat`` from one unit of the network to another."""

from __future__ import annotations

from dataclasses import replace

from ..cells.units import read_card_cells, require_cells
from ..errors import CommandError
from ..model import Model
from ..session.session import Session
from ..setting_heat import Unit, heat_unit

UNIT_STEPS = {
    "next": "the unit after this one",
    "previous": "the unit before this one",
    "better": "the cell before this one in /cells",
    "worse": "the cell after this one in /cells",
}
"""The words for a step, with help."""

RANKED_STEPS = ("better", "worse")
"""Steps through the cells that are known to follow something."""


def step_unit(session: Session, word: str) -> str:
    """Return the value of ``heat`` after a step of ``UNIT_STEPS``. The first step leads to the best or the first cell.

    Raises UsageError if the model has no cells, or none is ranked yet.
    """
    require_cells(session.model.file)
    unit, ranked = heat_unit(session.settings.heat), list(dict(known_cells(session)))
    if word in RANKED_STEPS:
        return _step_in_ranking(ranked, session.settings.heat, 1 if word == "worse" else -1)
    if unit is None:
        return ranked[0] if ranked else str(Unit("cell", 1, 0))
    return str(_neighbor(session.model, unit, 1 if word == "next" else -1))


def known_cells(session: Session) -> list[tuple[str, str]]:
    """Return the cells of the model that are known to follow something, best first, each with what it follows.

    They are those that /cells has found, else those of the model's card.
    """
    file = session.model.file
    return session.found_cells.get(file.sha256) or read_card_cells(file.card.cells)


def describe_unit(session: Session, heat: str) -> str:
    """Return what the unit that ``heat`` names is known to follow, "" if nothing is known."""
    return next((follows for name, follows in known_cells(session) if name == heat), "")


def _step_in_ranking(ranked: list[str], current: str, step: int) -> str:
    """Return the next (1) or the previous (-1) ranked cell, the first one if the current one is not among them."""
    if not ranked:
        raise CommandError("no cell is ranked yet: /cells finds those that follow something")
    return ranked[(ranked.index(current) + step) % len(ranked)] if current in ranked else ranked[0]


def _neighbor(model: Model, unit: Unit, step: int) -> Unit:
    """Return the next (1) or previous (-1) unit. The last of a layer is followed by the first of the next layer."""
    layers, width = model.file.architecture.layers, model.file.architecture.width
    number = ((unit.layer - 1) * width + unit.index + step) % (layers * width)
    return replace(unit, layer=number // width + 1, index=number % width)
