"""The values of the shown unit for a text that is printed. Few sessions show one: what computes it is imported late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING

from ...core.generation.sweep import Column
from ...core.session.session import Session
from ...core.setting_heat import heat_unit

if TYPE_CHECKING:
    from ...core.session.unit_values import TextValues


def all_values(session: Session) -> Sequence[float]:
    """Return the values at all tokens of the passage, () if no unit is shown."""
    if not heat_unit(session.settings.heat):
        return ()
    from ...core.session.unit_values import PassageValues

    return PassageValues(session).all()


def follow_values(session: Session, column: Column | None) -> Iterator[float | None]:
    """Yield the value at each token of a column, or of the text that is being written. None while no unit is shown.

    The first one is to be asked for when there is a token.
    """
    text = None
    for index in count():
        if heat_unit(session.settings.heat):
            text = text or _open_values(session, column)
        yield text.at(index) if text else None


def _open_values(session: Session, column: Column | None) -> TextValues:
    from ...core.session.unit_values import column_values, node_values

    return column_values(session, column) if column else node_values(session, session.passage.end()[0])
