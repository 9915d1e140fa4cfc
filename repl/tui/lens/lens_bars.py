"""Bars, shares and tokens in a few columns, and the table of candidates made of them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from ....core.render.heat import surprisal
from ....core.sampling.draws import Draw
from ....core.sanitize import token_label
from ....core.session.lens import Inspection
from ..text.wrapping import TokenSpan
from .lens_rows import Rest

LensPart = tuple[str, str]
"""A text and the name of its style, without ``lens--``."""

LensLine = list[LensPart]

_BAR_EIGHTHS = " ▏▎▍▌▋▊▉█"
_SPARK_LEVELS = "▁▂▃▄▅▆▇█"

SHARE_WIDTH = 4
"""Columns of a share, with a space that keeps it off its bar."""

MAX_SPARK_BITS = 4.0
"""Surprisal in bits of a full bar of the sparkline."""

MAX_SAMPLES_PER_BAR = 32
"""Maximum tokens averaged for a bar of the sparkline."""


def render_bar(share: float, width: int) -> str:
    """Return a bar of ``width`` columns, filled to ``share`` (0 to 1) in eighths of a column."""
    eighths = round(min(1.0, share) * width * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_BAR_EIGHTHS[rest] if rest else "")).ljust(width)


def format_share(share: float) -> str:
    """Return a share (0 to 1) in percent, in at most three characters: 100, 42, 3.1, .04 or 0."""
    number = share * 100
    if number >= 0.95:
        return f"{number:.0f}" if number >= 9.5 else f"{number:.1f}"
    return f"{number:.2f}"[1:] if number >= 0.005 else "0"


def sparkline(token_spans: Sequence[TokenSpan], width: int) -> list[str]:
    """Return at most ``width`` bars with the mean surprisal of equally long parts of the text."""
    ranges = _split_evenly(len(token_spans), width)
    return [_spark_glyph(token_spans, first, end) for first, end in ranges]


def spark_position(count: int, width: int, index: int) -> int:
    """Return the number of the bar that contains the token at ``index``, of a sparkline of ``count`` tokens."""
    return next((n for n, (first, end) in enumerate(_split_evenly(count, width)) if first <= index < end), -1)


def _spark_glyph(token_spans: Sequence[TokenSpan], first: int, end: int) -> str:
    """Return the bar for the mean surprisal of tokens ``first`` to ``end``."""
    step = max(1, (end - first) // MAX_SAMPLES_PER_BAR)
    bits = fmean(surprisal(token_spans[i].token) for i in range(first, end, step))
    return _SPARK_LEVELS[min(7, int(bits / MAX_SPARK_BITS * 8))]


def _split_evenly(count: int, width: int) -> list[tuple[int, int]]:
    """Split ``count`` tokens into at most ``width`` ranges of about equal length. Return (first, end) pairs."""
    cells = min(count, width)
    return [(count * n // cells, count * (n + 1) // cells) for n in range(cells)]


def draw_lines(draw: Draw, width: int) -> list[LensLine]:
    """Return the number that decides the draw, and below it the bar of all tokens, in the order of their ids."""
    token = draw.token
    parts = [
        (part.text, "chosen" if part.id == token else ("raw", "shaped")[n % 2])
        for n, part in enumerate(draw.split(width))
    ]
    return [[(draw.pointer(width), "figure")], parts]


class BarTable(NamedTuple):
    """A table with a row for each candidate: its label, and two bars with their shares, raw and drawn.

    ``label_width`` and ``bar_width`` are in columns. ``max_share`` is the probability that fills a bar.
    """

    label_width: int
    bar_width: int
    max_share: float

    @classmethod
    def fitting(cls, inspection: Inspection, width: int) -> BarTable:
        """Return the table in ``width`` columns. Its columns depend on all candidates, not on those shown."""
        longest = max(cell_len(token_label(candidate.text)) for candidate in inspection.candidates)
        label_width = min(max(2, longest), max(2, width // 4))
        max_share = max(max(candidate.raw, candidate.shaped) for candidate in inspection.candidates)
        return cls(label_width, max(1, (width - label_width - 3) // 2 - SHARE_WIDTH), max_share)

    def heading(self) -> LensLine:
        """Return the line above the candidates."""
        return [(f"{'':{self.label_width + 2}}{'raw %':<{self.bar_width + SHARE_WIDTH}} drawn %", "dim")]

    def candidate_line(self, inspection: Inspection, index: int, chosen_index: int | None) -> LensLine:
        """Return the line of a candidate."""
        candidate = inspection.candidates[index]
        taken = inspection.taken is not None and inspection.taken.id == candidate.id
        mark, style = ("▸", "chosen") if index == chosen_index else ("●", "taken") if taken else (" ", "token")
        label = (f"{mark}{set_cell_size(token_label(candidate.text), self.label_width)}", style)
        shaped = candidate.shaped if candidate.allowed else None
        gap = (" ", "token")
        return [label, gap, *self._bar(candidate.raw, "raw"), gap, *self._bar(shaped, "shaped")]

    def rest_line(self, rest: Rest) -> LensLine:
        """Return the line of all tokens without a row: their number, and the sums of their shares."""
        room = self.label_width + 2 + self.bar_width
        labels = (f"{rest.token_count:,} others", f"{rest.token_count} others", "others")
        label = next((each for each in labels if len(each) <= room), "")
        raw, shaped = format_share(rest.raw), "cut" if rest.shaped is None else format_share(rest.shaped)
        return [(f"{label:<{room}}{raw:>{SHARE_WIDTH}} {shaped:>{self.bar_width + SHARE_WIDTH}}", "dim")]

    def _bar(self, share: float | None, style: str) -> LensLine:
        """Return a bar and its share, or "cut" if the share is None."""
        if share is None:
            return [("cut".rjust(self.bar_width + SHARE_WIDTH), "dim")]
        bar = render_bar(share / self.max_share, self.bar_width)
        return [(bar, style), (f"{format_share(share):>{SHARE_WIDTH}}", "figure")]
