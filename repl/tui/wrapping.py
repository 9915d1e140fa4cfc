"""Wraps text for a screen: texts become paragraphs, paragraphs become lines. When text grows, only its last line is
wrapped again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple, Self

from rich.cells import cell_len, split_graphemes
from textual.strip import Strip

from ...core.events import Token
from ...core.sanitize import escape_controls, one_line
from ...core.text.copy_detection import CopyTracker

COPIED_MARK = "┃"
"""Mark in the margin of a line that contains a copied run."""

TAB_WIDTH = 4
"""Columns from one tab stop to the next."""


class StyleRun(NamedTuple):
    """Style of a run of text, its token, and the index of the token in the block. A seed or note has no token."""

    style: str
    token: Token | None = None
    token_index: int = 0


class StyledText(NamedTuple):
    """A text and the name of its style. Control characters in it are made visible."""

    text: str
    style: str = "text"
    token: Token | None = None


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
    temperature_changes: list[tuple[int, float]] = field(default_factory=list)
    """(first character, temperature) of each token whose temperature differs from that of the token before."""

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
    def temperature_change(self) -> float | None:
        """Last temperature that tokens in this line changed to. None if the temperature did not change."""
        changes = self.paragraph.temperature_changes
        if not changes:
            return None
        last = bisect_right(changes, (self.end, inf) if self.ends_paragraph else (self.end, -inf)) - 1
        return changes[last][1] if last >= 0 and changes[last][0] >= self.start else None

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


class Block:
    """A text, note or list: its paragraphs, and their lines.

    ``token_spans`` are the positions of its tokens, in order. ``copy_tracker`` finds copied runs among them. A note
    replaces a note above it that has the same ``topic``.
    """

    def __init__(
        self,
        texts: Iterable[StyledText] = (),
        mark: str = "",
        blank_line_before: bool = False,
        topic: str = "",
        copy_tracker: CopyTracker | None = None,
    ) -> None:
        self.topic = topic
        self.copy_tracker = copy_tracker
        self.lines: list[WrappedLine] = []
        self.token_spans: list[TokenSpan] = []
        self._temperature: float | None = None
        self._first_newly_copied: int | None = None
        self._paragraphs = [Paragraph()] if blank_line_before else []
        self._paragraphs.append(Paragraph(mark, copy_tracker=copy_tracker))
        for text in texts:
            self._append(text)

    @classmethod
    def listing(cls, title: str, rows: list[tuple[str, str]]) -> Self:
        """Return a block with a title above two aligned columns."""
        block = cls([StyledText(one_line(title), "title")], blank_line_before=True)
        shown = [(one_line(left), one_line(right)) for left, right in rows]
        width = min(36, max((cell_len(left) for left, _ in shown), default=0))
        for left, right in shown:
            block._paragraphs.append(Paragraph(indent=width + 2))
            padding = " " * (width + 2 - cell_len(left))
            block._append(StyledText(left, "name"))
            block._append(StyledText((padding or "  ") + right, "note"))
        return block

    def wrap(self, width: int) -> None:
        """Wrap all paragraphs."""
        self.lines = [line for paragraph in self._paragraphs for line in paragraph.lines(width)]

    def grow(self, texts: Iterable[StyledText], width: int) -> list[WrappedLine]:
        """Append texts. Return the lines that replace the last line."""
        old_paragraphs = len(self._paragraphs)
        last_line = self.lines.pop()
        for text in texts:
            self._append(text)
        added = list(last_line.paragraph.lines(width, last_line.start))
        for paragraph in self._paragraphs[old_paragraphs:]:
            added += paragraph.lines(width)
        self.lines += added
        return added

    def pop_newly_copied(self) -> int | None:
        """Return the index of the first token found to be copied since the last call, None if there is none."""
        first, self._first_newly_copied = self._first_newly_copied, None
        return first

    def end_position(self) -> tuple[Paragraph, int]:
        """Return the paragraph in which the next token starts, and the index of its first character."""
        return self._paragraphs[-1], len(self._paragraphs[-1].text)

    def _append(self, styled_text: StyledText) -> None:
        first, *rest = escape_controls(styled_text.text).split("\n")
        run = StyleRun(styled_text.style, styled_text.token, len(self.token_spans))
        paragraph = self._paragraphs[-1]
        start = len(paragraph.text)
        paragraph.add(first, run)
        if styled_text.token:
            self._record_span(TokenSpan(paragraph, start, len(paragraph.text), styled_text.token))
        for text in rest:
            self._paragraphs.append(Paragraph(copy_tracker=self.copy_tracker))
            self._paragraphs[-1].add(text, run)
        if self.copy_tracker:
            self._track_copies(self.copy_tracker, styled_text)

    def _track_copies(self, copy_tracker: CopyTracker, styled_text: StyledText) -> None:
        """Give a text to the tracker, and record the first token of a copied run that it completes."""
        if not styled_text.token:
            copy_tracker.add_seed(styled_text.text)
        elif (first := copy_tracker.add_token(styled_text.text)) is not None:
            earlier = self._first_newly_copied
            self._first_newly_copied = first if earlier is None else min(first, earlier)

    def _record_span(self, span: TokenSpan) -> None:
        """Record the position of a token, and a change of temperature there."""
        self.token_spans.append(span)
        temperature = round(span.token.temperature, 2)
        if temperature != self._temperature:
            self._temperature = temperature
            span.paragraph.temperature_changes.append((span.start, temperature))
