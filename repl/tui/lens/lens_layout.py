"""The lines of the lens: figures, the candidates as bars, and the surprise over the text, laid out for a size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len, set_cell_size

from ....core.cells.units import Unit
from ....core.render.heat import heat_level, surprisal
from ....core.sanitize import token_label
from ....core.session.lens import Inspection
from ....core.text.copy_tracker import at_least
from ..text.wrapping import TokenSpan
from .lens_bars import BarTable, LensLine, draw_lines, spark_position, sparkline
from .lens_rows import rest_of, rows_to_show
from .lens_unit import COMPACT_ROWS, UNIT_ROWS, compact_unit_lines, unit_lines

if TYPE_CHECKING:
    from ....core.session.unit_lens import UnitParts  # few sessions show a unit

FIGURES_WIDTH = 22
"""Columns of the figures."""

MIN_WIDTH_BESIDE = 46
"""Minimum columns to draw the bars beside the figures, not below them. The lens is as wide if it is below the text."""

MIN_ROWS_WITH_SPARKLINE = 16
"""Minimum height of the lens in rows to keep SPARK_ROWS at its bottom for the sparkline."""

SPARK_ROWS = 3
"""Rows of the sparkline, its title, and a gap above."""

DRAW_ROWS = 3
"""Rows of the draw: a gap, the number, and the bar that it falls on."""

MIN_ROWS_BELOW_DRAW = 8
"""Minimum rows for the candidates below the draw, which is left out for them."""

MIN_BAR_ROWS = 4
"""Minimum rows of the bars: a heading, two candidates and the rest. Figures are left out for them."""


@dataclass(frozen=True, slots=True)
class LensContent:
    """Everything the lens shows.

    ``inspection`` is None if there is no text. ``candidate_index`` is the index of the chosen candidate, None if none
    is chosen. ``token_index`` is the index in ``token_spans`` of the token under the cursor, None if there is no
    cursor. ``copied_run_length`` is the length in characters of the copied run that contains the token, 0 if there is
    none. ``settings_note`` describes the settings that drew the token, "" if they are the current ones. ``unit`` is the
    unit of the network that colors the text, with its parts after the token; None if there is none.
    """

    inspection: Inspection | None = None
    title: str = ""
    candidate_index: int | None = None
    token_spans: Sequence[TokenSpan] = ()
    token_index: int | None = None
    copied_run_length: int = 0
    settings_note: str = ""
    unit: tuple[Unit, UnitParts] | None = None


class LensLayout(NamedTuple):
    """The lines of the lens, and where the candidates are in them.

    ``candidates`` are their indices, from line ``first_row`` on and from column ``left`` on. The last of them is in the
    line of the rest, and is the first one without a row of its own.
    """

    lines: list[LensLine]
    candidates: list[int]
    first_row: int = 0
    left: int = 0

    def candidate_at(self, x: int, y: int) -> int | None:
        """Return the index of the candidate at a column and a line, None if there is none."""
        row = y - self.first_row
        return self.candidates[row] if x >= self.left and 0 <= row < len(self.candidates) else None


def lay_out(content: LensContent, width: int, height: int) -> LensLayout:
    """Return the layout for a size: the bars below the figures, or beside them if the lens is wide."""
    if content.inspection is None:
        return LensLayout([[("next token", "title")], [("type a seed first", "dim")]], [])
    figures = list(_figures(content, content.inspection))
    if width >= MIN_WIDTH_BESIDE:
        return _beside(content, content.inspection, figures, width, height)
    unit = _unit_lines(content, width, height)
    figures = figures[: max(1, height - MIN_BAR_ROWS - len(unit))]
    figures += _draw_lines(content.inspection, width, height - len(figures) - len(unit))
    gap: list[LensLine] = [[]] if height > len(figures) + MIN_BAR_ROWS + len(unit) else []
    first = len(figures) + len(gap)
    kept = len(unit) + (SPARK_ROWS if height >= MIN_ROWS_WITH_SPARKLINE + len(unit) else 0)
    bars, candidates = _bars(content, content.inspection, width, height - first - kept)
    spark = _spark_lines(content, width, height - first - len(bars) - len(unit))
    return LensLayout([*figures, *gap, *bars, *unit, *spark], candidates, first + 1)


def _unit_lines(content: LensContent, width: int, height: int) -> list[LensLine]:
    """Return the lines of the unit that colors the text: all parts one below the other if there is room."""
    if content.unit is None or height < MIN_BAR_ROWS + COMPACT_ROWS:
        return []
    return unit_lines(content.unit, width) if height >= 2 * UNIT_ROWS else compact_unit_lines(content.unit)


def _beside(
    content: LensContent, inspection: Inspection, figures: list[LensLine], width: int, height: int
) -> LensLayout:
    unit = compact_unit_lines(content.unit) if content.unit else []
    figures = figures[: max(1, height - len(unit))]
    figures += _draw_lines(inspection, FIGURES_WIDTH, height - len(figures) - len(unit) + MIN_ROWS_BELOW_DRAW)
    left = [*figures, *unit, *_spark_lines(content, FIGURES_WIDTH, height - len(figures) - len(unit))]
    edge = FIGURES_WIDTH + 2
    bars, candidates = _bars(content, inspection, width - edge, height)
    left, bars = ([*lines, *([[]] * (height - len(lines)))] for lines in (left, bars))
    lines = [[*_pad(line, edge), *bar] for line, bar in zip(left, bars, strict=False)]
    return LensLayout(lines[:height], candidates, 1, edge)


def _pad(line: LensLine, width: int) -> LensLine:
    return [*line, (" " * (width - sum(cell_len(text) for text, _ in line)), "dim")]


def _figures(content: LensContent, inspection: Inspection) -> Iterator[LensLine]:
    """Yield the title and the figures, the most important first."""
    yield [(content.title, "title")]
    if inspection.taken:
        figures = f" rank {inspection.taken.rank}, {surprisal(inspection.taken):.1f} bits"
        label = token_label(inspection.taken_text)
        shown = label if cell_len(label) <= FIGURES_WIDTH - len(figures) else set_cell_size(label, 5) + "…"
        yield [(shown, f"heat{heat_level(inspection.taken, 'surprise')}"), (figures, "figure")]
    before, after = inspection.effective_choices
    yield [("choices ", "dim"), (f"{before:.1f} → {after:.1f}", "figure")]
    yield [("entropy ", "dim"), (f"{inspection.raw_entropy:.1f} → {inspection.shaped_entropy:.1f} bits", "figure")]
    if inspection.cut_count:
        yield [("filters ", "dim"), (f"{inspection.cut_count:,} cut, {inspection.cut_share:.1%}", "figure")]
    if content.copied_run_length:
        yield [("copied ", "dim"), (f"in a run of {at_least(f'{content.copied_run_length:,}', True)}", "figure")]
    yield from ([(line, "figure")] for line in wrap(content.settings_note, FIGURES_WIDTH))


def _draw_lines(inspection: Inspection, width: int, room: int) -> list[LensLine]:
    """Return a gap and the lines of the draw, if ``room`` rows leave enough for the candidates below it."""
    if inspection.draw is None or room < DRAW_ROWS + MIN_ROWS_BELOW_DRAW:
        return []
    return [[], *draw_lines(inspection.draw, width)]


def _bars(content: LensContent, inspection: Inspection, width: int, height: int) -> tuple[list[LensLine], list[int]]:
    """Return a heading with the lines of the candidates and of the rest below it, and the indices of the candidates."""
    rows = rows_to_show(inspection, content.candidate_index, max(1, height - 2))
    rest = rest_of(inspection, rows)
    table = BarTable.fitting(inspection, width)
    lines = [table.heading(), *(table.candidate_line(inspection, index, content.candidate_index) for index in rows)]
    if not rest.token_count:
        return lines, rows
    return [*lines, table.rest_line(rest)], rows if rest.first_index is None else [*rows, rest.first_index]


def _spark_lines(content: LensContent, width: int, room: int) -> list[LensLine]:
    """Return the lines at the bottom of ``room`` rows: the surprise over the text, with the cursor's place marked.

    Empty if there is too little room, or no text.
    """
    count = len(content.token_spans)
    if room < SPARK_ROWS or not count:
        return []
    sparks = sparkline(content.token_spans, width)
    cursor = -1 if content.token_index is None else spark_position(count, width, content.token_index)
    marked = ((glyph, "title" if n == cursor else "shaped") for n, glyph in enumerate(sparks))
    return [*([[]] * (room - 2)), [("surprise over the text", "dim")], list(marked)]
