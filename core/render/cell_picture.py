"""A picture of what cells follow: for each find a passage in which the thing varies most, in the colors of the cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..cells.passages import ReadPassage, open_passages
from ..cells.ranking import CellFind
from ..cells.traces import UnitReader
from ..events import Token
from ..model import Model
from .marks import MarkedSpan
from .svg import SvgPage, WrappedTokens

PICTURE_COLUMNS = 80
"""Characters in a line."""

PICTURED_TOKENS = 450
"""Tokens of a passage that are shown."""

_READ_BEFORE = 200
"""Tokens that are read before the first one that is shown. The cells need some text to find their way."""


def draw_cells(model: Model, finds: Sequence[CellFind], text: str) -> str:
    """Return an SVG of passages of the text that the cells were ranked on, one for each find."""
    passages = open_passages(model.file.card.fold_case(text), model.tokenizer, model.file.card.item_end)
    page = SvgPage(PICTURE_COLUMNS)
    for find in finds:
        cell = find.cell
        figures = f"r {cell.r:.2f}, right {100 * cell.accuracy:.1f} % (base {100 * find.base_rate:.1f} %)"
        page.line([(f"{find.unit}  {find.follows}", "seed"), (f"   {figures}", "dim")])
        page.gap(0.5)
        shown = WrappedTokens(PICTURE_COLUMNS)
        for span in _color(model, find, max(passages, key=lambda passage: passage.values[find.follows].var())):
            shown.add(span)
        page.passage(shown, str(find.unit), margin=0)
        page.legend(str(find.unit), has_tokens=False, has_copies=False, column=0)
        page.gap()
    return page.to_svg(f"Cells of {model.name}")


def _color(model: Model, find: CellFind, passage: ReadPassage) -> Iterator[MarkedSpan]:
    """Yield tokens of a passage with the values of the cell after them, from a line's beginning on if there is one."""
    ids = passage.ids[: _READ_BEFORE + PICTURED_TOKENS]
    values = UnitReader(model, find.unit).values(None, ids).tolist()
    texts = list(map(model.tokenizer.decoder().push, ids.tolist()))
    start = min(_READ_BEFORE, len(ids) // 4)
    line_ends = (n for n in range(start, len(ids) // 2) if texts[n].endswith("\n") and texts[n + 1].strip())
    start = next(line_ends, start) + 1
    for token, text, value in zip(ids.tolist()[start:], texts[start:], values[start:], strict=True):
        yield MarkedSpan(text, Token(text, token, 0.0, 0.0, 1, 0.0, 1.0), value=value)
