"""Draws the lines of a transcript: their text, and the marks in the margin left of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from ....core.render.heat import heat_look, seed_look
from ....core.render.marks import COPIED_SIGN
from ....core.setting_heat import heat_unit
from .wrapping import StyleRun, WrappedLine

WIDE_MARGIN = 6
"""Columns for marks if they include changes of temperature."""

_UNDERLINE = Style(underline=True)
"""Marks copied text, in all colors of heat."""


UnitValue = Callable[[int], float | None]
"""Returns the value of the shown unit at a token of a text, counted from 0; None if it is not known."""


class LinePainter:
    """Draws lines in the styles that ``style_of`` returns by name.

    ``heat`` is the setting of that name, and ``marks_copies`` is True to mark copied runs. If ``heat`` is a unit of the
    network, ``unit_value`` returns its value at the token of an index.
    """

    def __init__(self, style_of: Callable[[str], Style]) -> None:
        self._style_of = style_of
        self.heat = "off"
        self.marks_copies = True
        self.unit_value: UnitValue = lambda _: None

    def draw(self, line: WrappedLine) -> Strip:
        """Return the text of a line. Note in ``line.copied`` if it contains a copied run."""
        tracker = line.paragraph.copy_tracker if self.marks_copies else None
        line.copied = False
        styled = []
        for text, run in line.styled_runs():
            copied = bool(not line.paragraph.dimmed and tracker and run.token and tracker.run_length(run.token_index))
            line.copied = line.copied or copied
            styled.append((("past" if line.paragraph.dimmed else self._style_name(run), copied), text))
        return Strip(
            Segment("".join(text for _, text in parts), self._look(*look))
            for look, parts in groupby(styled, key=itemgetter(0))
        )

    def draw_margin(self, line: WrappedLine, width: int) -> Iterator[Segment]:
        """Yield a mark, the temperature or the style if it changed, and a bar if the line contains a copied run."""
        dimmed = line.paragraph.dimmed
        yield Segment(line.mark[:1].ljust(1), self._style_of("past" if dimmed else "mark"))
        sign = line.sign if width == WIDE_MARGIN else ""
        padding = " " * (width - 2 - cell_len(sign))
        yield Segment(padding + sign, self._style_of("past" if dimmed else "turn"))
        yield Segment(COPIED_SIGN if line.copied else " ", self._style_of("quote"))

    def _style_name(self, run: StyleRun) -> str:
        if run.token is None:
            return seed_look(self.heat) if run.style == "seed" else run.style
        value = self.unit_value(run.token_index) if heat_unit(self.heat) else None
        return heat_look(run.token, self.heat, value) or run.style

    def _look(self, name: str, copied: bool) -> Style:
        style = self._style_of(name)
        return style + _UNDERLINE if copied else style
