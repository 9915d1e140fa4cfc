"""All parts of the shown unit at one token of a session's passage."""

from __future__ import annotations

import numpy as np

from ..cells.traces import trace
from ..cells.units import PARTS, SYMBOLS, Unit
from ..setting_heat import heat_unit
from .replay import read_start
from .session import Session

UnitParts = dict[str, float]
"""The value of each of ``PARTS`` by its name."""


def inspect_unit(session: Session, index: int | None = None) -> tuple[Unit, UnitParts] | None:
    """Return the shown unit and its parts after the token at ``index`` of the text, after the last one if it is None.

    None if no unit is shown, or there is no such token.
    """
    unit, passage = heat_unit(session.settings.heat), session.passage
    index = passage.token_count() - 1 if index is None else index
    place = passage.token_place(index) if unit and index >= 0 else None
    if unit is None or place is None:
        return None
    node, at = place
    before = session.snapshot_at(*passage.locate_token(index))
    start = read_start(session.model, before, node, at)
    block = next(trace(session.model, np.array([node.tokens[at].id]), start))
    layer = block.layers[unit.layer - 1]
    return unit, {part: float(getattr(layer, SYMBOLS[part])[0, unit.index]) for part in PARTS}
