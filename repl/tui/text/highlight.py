"""The highlight of one token in the transcript."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from .blocks import Block
from .wrapping import Paragraph, WrappedLine

_WORD = re.compile(r"[\w'’]+|\s+|[^\w\s'’]+")
"""A word, or a run of spaces or of punctuation."""


class Highlight:
    """Highlights one token of a block, or the place of the next token.

    ``index`` is the index of the token, from 0; for the next token, the number of tokens. None highlights nothing.
    """

    def __init__(self) -> None:
        self.index: int | None = None

    def span(self, block: Block) -> tuple[Paragraph, int, int] | None:
        """Return (paragraph, start, end) of the token, in characters. None if nothing is highlighted."""
        if self.index is None:
            return None
        if self.index < len(block.token_spans):
            return block.token_spans[self.index][:3]
        paragraph, end = block.end_position()
        return paragraph, end, end

    def line_number(self, block: Block, lines: Sequence[WrappedLine]) -> int | None:
        """Return the index of the line that contains the highlight, None if nothing is highlighted."""
        span = self.span(block)
        if span is None:
            return None
        paragraph, start, _ = span
        matching = (n for n, line in enumerate(lines) if line.paragraph is paragraph and line.start <= start)
        return max(matching, default=None)

    def apply(self, strip: Strip, line: WrappedLine, block: Block, style: Style) -> Strip:
        """Return ``strip`` with the highlight drawn on it.

        A token without visible characters is drawn as ↵ at the end of its paragraph, the place of the next as a space.
        """
        span = self.span(block)
        if span is None or span[0] is not line.paragraph:
            return strip
        _, start, end = span
        if start == end:
            sign = "↵" if self.index is not None and self.index < len(block.token_spans) else " "
            return Strip([*strip, Segment(sign, style)]) if line.ends_paragraph else strip
        first, last = (min(max(edge - line.start, 0), line.end - line.start) + line.indent for edge in (start, end))
        return restyle(strip, first, last, style)


def token_at(block: Block, line: WrappedLine, column: int) -> int | None:
    """Return the index of the token at a column of a line, None if there is none."""
    return token_at_character(block, line.paragraph, line.start + characters_left_of(line, column) - line.indent)


def token_at_character(block: Block, paragraph: Paragraph, character: int) -> int | None:
    """Return the index of the token at a character of a paragraph, None if there is none."""
    for index, span in enumerate(block.token_spans):
        if span.paragraph is paragraph and span.start <= character < max(span.end, span.start + 1):
            return index
    return None


def characters_left_of(line: WrappedLine, columns: int) -> int:
    """Return the number of characters of a line that end left of a column."""
    text = line.text
    if line.paragraph.single_width:
        return min(columns, len(text))
    return next((n for n in range(len(text)) if cell_len(text[: n + 1]) > columns), len(text))


def word_at(text: str, character: int) -> tuple[int, int]:
    """Return (start, end) of the word that contains a character."""
    spans = (match.span() for match in _WORD.finditer(text))
    return next((span for span in spans if span[0] <= character < span[1]), (character, character))


def restyle(strip: Strip, first: int, last: int, style: Style) -> Strip:
    """Return ``strip`` with ``style`` added to its characters from ``first`` to before ``last``."""
    segments = []
    offset = 0
    for text, old_style, _ in strip:
        edges = (min(max(edge - offset, 0), len(text)) for edge in (first, last))
        for index, (begin, end) in enumerate(pairwise([0, *edges, len(text)])):
            segments.append(Segment(text[begin:end], (old_style or Style()) + style if index == 1 else old_style))
        offset += len(text)
    return Strip([segment for segment in segments if segment.text])
