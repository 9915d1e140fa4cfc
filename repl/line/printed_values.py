"""The values of the shown unit for a text that is printed. Few sessions show one: what computes it is imported late."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING

from ...core.generation.sweep import Column
from ...core.render.marks import MarkedSpan
from ...core.session.session import Session
from ...core.setting_heat import heat_unit

if TYPE_CHECKING:
    from ...core.session.unit_values import TextValues


def add_values(session: Session, end: Iterable[MarkedSpan]) -> Iterator[MarkedSpan]:
    """Yield the end of the passage's text, its tokens with the value of the shown unit if one is shown."""
    spans = list(end)
    if not heat_unit(session.settings.heat):
        yield from spans
        return
    from ...core.session.unit_values import PassageValues

    values = PassageValues(session)
    index = session.passage.token_count() - sum(span.token is not None for span in spans)
    for span in spans:
        yield span if span.token is None else span._replace(value=values.at(index))
        index += span.token is not None


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
