"""The places of words in a text of the transcript, and their highlights."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from operator import itemgetter

from rich.style import Style
from textual.strip import Strip

from ....core.text.find import find_all
from .highlight import restyle
from .wrapping import Paragraph, WrappedLine


class Matches:
    """The places of a query in paragraphs, as they are shown. ``index`` is that of the chosen one, from 0."""

    def __init__(self, paragraphs: Sequence[Paragraph], query: str) -> None:
        lengths = (len(paragraph.text) + 1 for paragraph in paragraphs)
        self._paragraphs = paragraphs
        self._offsets = list(accumulate(lengths, initial=0))
        self._offset_of = dict(zip(map(id, paragraphs), self._offsets, strict=False))
        self._spans = find_all("\n".join(paragraph.text for paragraph in paragraphs), query)
        self.index = 0

    def __len__(self) -> int:
        """Return the number of places."""
        return len(self._spans)

    @property
    def start(self) -> int:
        """Index of the first character of the chosen place."""
        return self._spans[self.index][0]

    def choose_from(self, start: int, step: int) -> None:
        """Choose the next place (1) after character ``start``, or the previous one (-1). Go round at the ends."""
        after = bisect_right(self._spans, start, key=itemgetter(0))
        at_place = after > 0 and self._spans[after - 1][0] == start
        self.index = (after if step > 0 else after - (2 if at_place else 1)) % len(self._spans)

    @property
    def position(self) -> tuple[Paragraph, int]:
        """Paragraph in which the chosen place begins, and the index of its first character there."""
        number = bisect_right(self._offsets, self.start) - 1
        return self._paragraphs[number], self.start - self._offsets[number]

    def line_number(self, lines: Sequence[WrappedLine]) -> int | None:
        """Return the index of the line in which the chosen place begins. None if no line shows it."""
        paragraph, character = self.position
        for index, line in enumerate(lines):
            if line.paragraph is paragraph and line.start <= character < max(line.end, line.start + 1):
                return index
        return None

    def apply(self, strip: Strip, line: WrappedLine, style: Style, chosen_style: Style) -> Strip:
        """Return the drawn text of a line with its places highlighted."""
        for first, last, chosen in self._in_line(line):
            strip = restyle(strip, first, last, chosen_style if chosen else style)
        return strip

    def _in_line(self, line: WrappedLine) -> Iterator[tuple[int, int, bool]]:
        """Yield (first character, end, True if chosen) of each place that is in a line, or partly in it."""
        offset = self._offset_of.get(id(line.paragraph))
        if offset is None:
            return
        begin, end = offset + line.start, offset + line.end
        for index in range(bisect_right(self._spans, begin, key=itemgetter(1)), len(self._spans)):
            first, last = self._spans[index]
            if first >= end:
                return
            shift = line.indent - begin
            yield max(first, begin) + shift, min(last, end) + shift, index == self.index
