"""The table that ``afterglow cells`` prints."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.cells.ranking import CellFind, CellRanking
from ...core.cells.units import Unit

_COLUMNS = "{:<23} {:<6} {:>6} {:>7} {:>7} {:>8} {:>7} {:>9}"


def format_ranking(ranking: CellRanking, unit: str) -> Iterator[str]:
    """Yield the lines of the table, and the meaning of its columns. ``unit`` is that of half-lives: "characters"."""
    yield _COLUMNS.format("follows", " cell", "r", "right", "base", "chance r", "right", "half-life")
    yield from map(_format_find, ranking.finds)
    yield ""
    yield "r      correlation of tanh(c) with it, in half of the passages"
    yield "right  tokens of the other half at which a threshold on the cell is right"
    yield "base   the same of the better constant answer"
    yield f"chance the best of {ranking.projections:,} random projections of all cells; ~ is no better"
    slowest = ", ".join(f"{_place(cell)} {half_life:.1f}" for cell, half_life in ranking.slowest)
    yield f"half-lives: {unit}, by the mean forget gate; slowest: {slowest}"


def _format_find(find: CellFind) -> str:
    cell, chance = find.cell, find.chance
    shares = (f"{100 * share:.1f} %" for share in (cell.accuracy, find.base_rate, chance.accuracy))
    right, base, chance_right = shares
    place = f"{'~' if find.is_chance else ' '}{_place(find.unit)}"
    figures = f"{cell.r:.2f}", right, base, f"{chance.r:.2f}", chance_right, f"{find.half_life:.1f}"
    return _COLUMNS.format(find.follows, place, *figures)


def _place(unit: Unit) -> str:
    return f"{unit.layer}.{unit.index}"
