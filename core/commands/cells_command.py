"""The command /cells: the cells that follow what a person can name, to color the text by one of them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from ..cells.units import require_cells
from ..events import Event
from ..model import Model
from ..progress import scale
from ..session.session import Session
from .effects import Effect, Listing, Play
from .read_command import open_file

if TYPE_CHECKING:
    from ..cells.ranking import CellFind, CellRanking

OWN_CHARS = 40_000
"""Characters that a model writes if no text is given."""

_OWN_SHARE = 0.3
"""Share of the work that writing them is."""

_CHARS_PER_REPORT = 2000


def cells(session: Session, path: str = "") -> Iterator[Effect]:
    """List the cells that follow something in a file, or in a text that the model writes.

    Those of such a text are found once. Raises UsageError for a mixture.
    """
    model = session.model
    require_cells(model.file)
    text = open_file(path)[0] if path else ""
    if path or model.file.sha256 not in session.found_cells:
        yield Play(_find(session, text))
    if found := session.found_cells.get(model.file.sha256):
        title = f"cells of {model.name} that follow something, best first"
        yield Listing(title, found, "/heat", current=session.settings.heat)


def write_own_text(model: Model) -> Generator[float, None, str]:
    """Return a text that the model writes at T 1. Yield the share written, 0 to 1."""
    parts, length, reported = [], 0, 0
    for token in model.stream("\n", length=OWN_CHARS, temperature=1, rng=1, stop=(), finish="off"):
        parts.append(token.text)
        length += len(token.text)
        if length >= reported + _CHARS_PER_REPORT:
            reported = length
            yield length / OWN_CHARS
    return "".join(parts)


def _find(session: Session, text: str) -> Iterator[Event]:
    """Rank the cells, and keep the finds in the session."""
    model = session.model
    ranking = yield from session.read_stoppable(_rank(model, text))
    session.found_cells[model.file.sha256] = [
        (str(find.unit), _describe(find)) for find in ranking.finds if not find.is_chance
    ]


def _rank(model: Model, text: str) -> Generator[float, None, CellRanking]:
    begun = 0.0 if text else _OWN_SHARE
    text = text or (yield from scale(write_own_text(model), 0, begun))
    from ..cells.ranking import rank_cells  # imported late: few sessions look for cells

    return (yield from scale(rank_cells(model, model.file.card.fold_case(text)), begun, 1))


def _describe(find: CellFind) -> str:
    """Return what a cell follows and how well: "inside quotation marks (r 0.99; 99% right, 57% by guessing)"."""
    cell = find.cell
    return f"{find.follows} (r {cell.r:.2f}; {cell.accuracy:.0%} right, {find.base_rate:.0%} by guessing)"
