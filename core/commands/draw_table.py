"""The end of an explanation: the number that decides the draw, falling on the bar of the probabilities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..sampling.draws import Draw
from ..sampling.rng import PositionRNG
from ..sampling.temperature import probs_at_temperatures
from .effects import Listing, Table
from .explain_tables import Distribution, log_probs
from .tables import Cell, CellStyle

MAX_COLUMNS = 76
"""Maximum width of the bars with their names, also for front ends whose lines have no width."""

MIN_BAR_COLUMNS = 8
"""Minimum width of a bar."""


@dataclass(frozen=True, slots=True)
class DrawTable(Table):
    """A row for each of ``draws``, with its name: the bar of its probabilities, on which the same number falls."""

    draws: Sequence[Draw] = ()
    names: Sequence[str] = ()

    def lines(self, width: int) -> list[list[Cell]]:
        """Return the number, the bars with the token that each draws at the right, and the scale from 0 to 1."""
        results = [draw.label(draw.token) for draw in self.draws]
        left, right = max(map(len, self.names)) + 2, max(map(len, results)) + 3
        columns = max(MIN_BAR_COLUMNS, min(width, MAX_COLUMNS) - left - right)
        rows = zip(self.names, self.draws, results, strict=True)
        bars = [self._row(name.ljust(left), draw, columns, result) for name, draw, result in rows]
        indent: Cell = (" " * left, "name")
        return [
            [indent, (self.draws[0].pointer(columns), "result")],
            *bars,
            [indent, ("0" + "1".rjust(columns - 1), "head")],
        ]

    def _row(self, name: str, draw: Draw, columns: int, result: str) -> list[Cell]:
        token = draw.token
        parts: list[Cell] = []
        for n, part in enumerate(draw.split(columns)):
            style: CellStyle = "result" if part.id == token else "shaped" if n % 2 else "raw"
            parts.append((part.text, style))
        return [(name, "name"), *parts, (f" → {result}", "result")]

    def to_json(self) -> dict[str, Any]:
        """Return the number, and at each temperature the label of the token that it draws and its part of the bar."""
        drawn = [
            {"name": name, "token": draw.label(draw.token), "from": draw.bounds[0], "to": draw.bounds[1]}
            for name, draw in zip(self.names, self.draws, strict=True)
        ]
        return {"uniform": self.draws[0].uniform, "drawn": drawn}

    def _repr_html_(self) -> str:
        return self.plain[0]._repr_html_()


def draw_table(
    distribution: Distribution,
    temperatures: Sequence[float],
    rng: PositionRNG,
    position: int,
    label: Callable[[int], str] | None = None,
) -> DrawTable:
    """Return the draw at each temperature with the number of ``rng`` for the token at ``position``.

    ``label`` returns the text of a token id, in as few columns as possible; None is that of ``distribution``.
    """
    label = label or distribution.labels.__getitem__
    uniform = rng.uniform(position)
    shapes = probs_at_temperatures(log_probs(distribution.probs), temperatures)
    draws = [Draw(probs, uniform, label) for probs in shapes]
    names = [f"T {temperature:g}" for temperature in temperatures]
    take = f", take {rng.take}" if rng.take else ""
    title = f"the draw: {uniform:.3f} (rng {rng.key}{take}, position {position:,})"
    if len(draws) == 1:
        start, end = draws[0].bounds
        title += f" falls on {distribution.labels[draws[0].token]}, {start:.3f} to {end:.3f}"
    lines = DrawTable(title, (), (), draws, names).lines(MAX_COLUMNS)
    rows = [("", "".join(text for text, _ in line).rstrip()) for line in lines]
    return DrawTable(title, (), (Listing(title, rows),), draws, names)
