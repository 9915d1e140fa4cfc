"""A grid of short texts, a row for each seed and a column for each temperature, as Markdown and SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..events import Token
from ..sanitize import escape_controls, escape_line
from .markdown import escape_markdown
from .marks import MarkedSpan
from .svg import SvgPage, WrappedTokens

COLUMN_WIDTH = 30
"""Columns of a text in the picture."""

GAP = 2
"""Empty columns between texts."""


class TextGrid(NamedTuple):
    """Texts as tokens, ``rows[s][t]`` for seed s at temperature t. ``title`` says what wrote them."""

    title: str
    seeds: Sequence[str]
    temperatures: Sequence[float]
    rows: Sequence[Sequence[Sequence[Token]]]

    def text(self, row: int, column: int) -> str:
        """Return the text of a cell, without its seed."""
        return "".join(token.text for token in self.rows[row][column])


def grid_markdown(grid: TextGrid) -> str:
    """Return the grid as a Markdown table, its lines broken with <br>."""
    head = ["seed", *(f"T {temperature:g}" for temperature in grid.temperatures)]
    columns = range(len(grid.temperatures))
    rows = [
        [f"**{_cell(seed)}**" if seed.strip() else "", *(_cell(grid.text(row, column)) for column in columns)]
        for row, seed in enumerate(grid.seeds)
    ]
    lines = [head, ["---"] * len(head), *rows]
    return f"{escape_markdown(escape_line(grid.title))}\n\n" + "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cell(text: str) -> str:
    return "<br>".join(escape_markdown(escape_controls(line)) for line in text.strip().split("\n"))


def grid_svg(grid: TextGrid) -> str:
    """Return the grid as an SVG document, with the texts in the colors of their surprisal."""
    step = COLUMN_WIDTH + GAP
    page = SvgPage(step * len(grid.temperatures) - GAP)
    page.line([(grid.title, "dim")])
    page.legend("surprise", has_tokens=False, has_copies=False, column=0)
    page.gap()
    for number, temperature in enumerate(grid.temperatures):
        page.text_at(page.row, number * step, f"T {temperature:g}", "temperature")
    page.gap(1.4)
    for seed, cells in zip(grid.seeds, grid.rows, strict=True):
        _draw_row(page, seed, cells, step)
    return page.to_svg(grid.title)


def _draw_row(page: SvgPage, seed: str, cells: Sequence[Sequence[Token]], step: int) -> None:
    """Draw the texts of a seed side by side, and go below the longest."""
    top = bottom = page.row
    for number, tokens in enumerate(cells):
        page.row = top
        text = WrappedTokens(COLUMN_WIDTH - 1)
        text.add(MarkedSpan(escape_controls(seed), seed=True))
        for token in tokens:
            text.add(MarkedSpan(escape_controls(token.text), token))
        page.passage(text, "surprise", number * step, margin=0)
        bottom = max(bottom, page.row)
    page.row = bottom + 1
