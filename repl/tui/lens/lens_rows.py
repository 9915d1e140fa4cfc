"""The rows of the lens: which candidates it shows, and one row for all the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ....core.session.lens import Inspection

MIN_SHARE = 0.001
"""Minimum probability, raw or drawn, of a candidate with a row of its own."""

MIN_CANDIDATES = 3
"""Minimum candidates with a row of their own, however improbable they are."""


class Rest(NamedTuple):
    """All tokens without a row: their number, and the sums of their raw and shaped probabilities.

    ``shaped`` is None if filters removed all of them. ``first_index`` is the index of the most probable of them, None
    if it is not among the candidates.
    """

    token_count: int
    raw: float
    shaped: float | None
    first_index: int | None


def rows_to_show(inspection: Inspection, chosen: int | None, room: int) -> list[int]:
    """Return the indices of at most ``room`` candidates, in order.

    They are the likely ones and the one that was drawn. If the chosen one is not among these, also its neighbors, so
    that the list opens at the place where it is moved through.
    """
    likely = [index for index in range(len(inspection.candidates)) if _is_likely(inspection, index)]
    ranked = [*_drawn_index(inspection), *likely]
    if chosen is not None:
        around = [chosen + step for step in (1, -1, 2, -2)] if chosen not in ranked[:room] else []
        ranked = [chosen, *_drawn_index(inspection), 0, *around, *likely]
    known = (index for index in dict.fromkeys(ranked) if 0 <= index < len(inspection.candidates))
    return sorted(list(known)[:room])


def rest_of(inspection: Inspection, rows: Sequence[int]) -> Rest:
    """Return the rest: all tokens of the vocabulary but the candidates with these indices."""
    shown = [inspection.candidates[index] for index in rows]
    count = inspection.token_count - len(shown)
    cut_count = inspection.cut_count - sum(not candidate.allowed for candidate in shown)
    raw, shaped = (max(0.0, 1 - sum(shares)) for shares in zip(*((c.raw, c.shaped) for c in shown), strict=True))
    first_index = next((index for index in range(len(inspection.candidates)) if index not in rows), None)
    return Rest(count, raw, shaped if cut_count < count else None, first_index)


def _is_likely(inspection: Inspection, index: int) -> bool:
    candidate = inspection.candidates[index]
    return index < MIN_CANDIDATES or max(candidate.raw, candidate.shaped) >= MIN_SHARE


def _drawn_index(inspection: Inspection) -> list[int]:
    """Return the index of the candidate that was drawn, in a list that is empty if none was."""
    taken = inspection.taken
    return [n for n, candidate in enumerate(inspection.candidates) if taken and candidate.id == taken.id]
