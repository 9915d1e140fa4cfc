"""The mark on one token of a text: where it stands, and how it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from .wrapping import Block, Paragraph, WrappedLine


class Highlight:
    """Points at a token of a block by its number, or, behind the last, at where the next one will stand."""

    def __init__(self) -> None:
        self.index: int | None = None

    def span(self, block: Block) -> tuple[Paragraph, int, int] | None:
        """The paragraph and the characters under the mark; None where there is no mark."""
        if self.index is None:
            return None
        if self.index < len(block.token_spans):
            return block.token_spans[self.index][:3]
        paragraph, end = block.end_position()
        return paragraph, end, end

    def line_number(self, block: Block, lines: Sequence[WrappedLine]) -> int | None:
        """Which of the lines holds the mark."""
        place = self.span(block)
        if place is None:
            return None
        found = (n for n, line in enumerate(lines) if line.paragraph is place[0] and line.start <= place[1])
        return max(found, default=None)

    def apply(self, strip: Strip, line: WrappedLine, block: Block, style: Style) -> Strip:
        """A line with the mark on it; a token that shows nothing has a sign in its place."""
        place = self.span(block)
        if place is None or place[0] is not line.paragraph:
            return strip
        _, start, end = place
        if start == end:
            sign = "↵" if self.index is not None and self.index < len(block.token_spans) else " "
            return Strip([*strip, Segment(sign, style)]) if line.ends_paragraph else strip
        first, last = (min(max(edge - line.start, 0), line.end - line.start) + line.indent for edge in (start, end))
        return restyle(strip, first, last, style)


def token_at(block: Block, line: WrappedLine, column: int) -> int | None:
    """The number of the token of a block that stands at a column of a line."""
    before = column if line.paragraph.single_width else _characters_left_of(line.text, column)
    at = line.start + before - line.indent
    for number, place in enumerate(block.token_spans):
        if place.paragraph is line.paragraph and place.start <= at < max(place.end, place.start + 1):
            return number
    return None


def _characters_left_of(text: str, columns: int) -> int:
    """How many characters of ``text`` stand wholly left of a column."""
    return next((n for n in range(len(text)) if cell_len(text[: n + 1]) > columns), len(text))


def restyle(strip: Strip, first: int, last: int, style: Style) -> Strip:
    """``strip`` with its characters from ``first`` to ``last`` in another style."""
    segments, at = [], 0
    for text, own, _ in strip:
        cuts = [0, *(min(max(edge - at, 0), len(text)) for edge in (first, last)), len(text)]
        for index, (begin, end) in enumerate(pairwise(cuts)):
            segments.append(Segment(text[begin:end], (own or Style()) + style if index == 1 else own))
        at += len(text)
    return Strip([segment for segment in segments if segment.text])
