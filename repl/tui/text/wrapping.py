"""Wraps text for a screen: paragraphs become lines."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

from rich.cells import cell_len, split_graphemes
from textual.strip import Strip

from ....core.events import Token
from ....core.render.marks import StyleChange, margin_sign
from ....core.text.copy_tracker import CopyTracker

TAB_WIDTH = 4
"""Columns from one tab stop to the next."""


class StyleRun(NamedTuple):
    """Style of a run of text, its token, and the index of the token in the block. A seed or note has no token."""

    style: str
    token: Token | None = None
    token_index: int = 0


class StyledText(NamedTuple):
    """A text and the name of its look. Control characters in it are made visible.

    ``change`` is the change of the model's style at its token, None if there is none.
    """

    text: str
    style: str = "text"
    token: Token | None = None
    change: StyleChange | None = None


@dataclass(slots=True, eq=False)
class Paragraph:
    """Text up to a newline. All lines but the first are indented by ``indent`` columns."""

    mark: str = ""
    indent: int = 0
    copy_tracker: CopyTracker | None = None
    text: str = ""
    run_starts: list[int] = field(default_factory=list)
    runs: list[StyleRun] = field(default_factory=list)
    single_width: bool = True
    """True if each character takes one column."""
    changes: list[tuple[int, float | None, StyleChange | None]] = field(default_factory=list)
    """(first character, temperature, style) of each token with another temperature or style than the token before.

    What has not changed is None.
    """
    dimmed: bool = False
    """True if it is part of an earlier passage."""

    def add(self, text: str, run: StyleRun) -> None:
        """Append a text without newlines."""
        if not text:
            return
        self.single_width = self.single_width and (
            text.isascii() or all(cell_len(character) == 1 for character in text if character != "\t")
        )
        self.run_starts.append(len(self.text))
        self.runs.append(run)
        self.text += self._expand_tabs(text) if "\t" in text else text

    def lines(self, width: int, start: int = 0) -> Iterator[WrappedLine]:
        """Yield the lines from character ``start`` on. There is at least one, even if it is empty."""
        indent = min(self.indent, width // 2)
        while True:
            end = self._line_end(start, width - indent if start else width)
            yield WrappedLine(self, start, end, indent if start else 0)
            if end >= len(self.text):
                return
            start = end

    def _line_end(self, start: int, width: int) -> int:
        """Return the end of the line that starts at ``start``: after a space if possible.

        One trailing space may exceed the width.
        """
        if not self.single_width:
            return self._line_end_by_columns(start, width)
        if len(self.text) - start <= width:
            return len(self.text)
        space = self.text.rfind(" ", start, start + width + 1)
        return space + 1 if space >= 0 else start + width

    def _line_end_by_columns(self, start: int, width: int) -> int:
        # Characters may have no width. The slice limits a line of such characters.
        text = self.text[start : start + 4 * width + 16]
        column = cut = 0
        for begin, end, cells in split_graphemes(text)[0]:
            if column + cells > width:
                return start + (end if text[begin] == " " else cut or begin or end)
            column += cells
            if text[begin] == " " or cells == 2:
                cut = end
        return start + len(text)

    def _expand_tabs(self, text: str) -> str:
        whole = self.text
        *parts, last = text.split("\t")
        for part in parts:
            whole += part
            column = len(whole) if self.single_width else cell_len(whole)
            whole += " " * (TAB_WIDTH - column % TAB_WIDTH)
        return whole[len(self.text) :] + last


@dataclass(slots=True, eq=False)
class WrappedLine:
    """Characters ``start`` to ``end`` of a paragraph, as one line.

    ``strip`` is the drawn line, None if it has to be drawn. ``copied`` is True if the line contains a copied run. It is
    set when the line is drawn.
    """

    paragraph: Paragraph
    start: int
    end: int
    indent: int = 0
    strip: Strip | None = None
    copied: bool = False

    @property
    def mark(self) -> str:
        """Mark left of the line."""
        return "" if self.start else self.paragraph.mark

    @property
    def text(self) -> str:
        """Indent and characters of the line."""
        return " " * self.indent + self.paragraph.text[self.start : self.end]

    @property
    def ends_paragraph(self) -> bool:
        """True if the line is the last of its paragraph."""
        return self.end >= len(self.paragraph.text)

    @property
    def sign(self) -> str:
        """The sign of the last change of style in this line, or else of temperature. "" if there is none."""
        changes = self.paragraph.changes
        if not changes:
            return ""
        end = self.end + 1 if self.ends_paragraph else self.end
        first, last = (bisect_left(changes, place, key=itemgetter(0)) for place in (self.start, end))
        _, temperatures, styles = zip(*changes[first:last], strict=True) if first < last else ((), (), ())
        return margin_sign(temperatures, styles)

    def styled_runs(self) -> Iterator[tuple[str, StyleRun]]:
        """Yield (text, run) pairs from left to right."""
        runs, starts, text = self.paragraph.runs, self.paragraph.run_starts, self.paragraph.text
        if self.indent:
            yield " " * self.indent, StyleRun("text")
        index = bisect_right(starts, self.start) - 1
        start = self.start
        while start < self.end:
            next_start = starts[index + 1] if index + 1 < len(starts) else len(text)
            yield text[start : min(next_start, self.end)], runs[index]
            start, index = next_start, index + 1


class TokenSpan(NamedTuple):
    """Position of a token: characters ``start`` to ``end`` of the paragraph it begins in. A newline has none."""

    paragraph: Paragraph
    start: int
    end: int
    token: Token
