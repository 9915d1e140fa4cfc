"""Text wrapped for a screen: pieces make paragraphs, these make lines. Growing text re-wraps its last line only."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple, Self

from rich.cells import cell_len, split_graphemes
from textual.strip import Strip

from ...core.events import Token
from ...core.render.sanitize import escape_controls
from ...core.text.copy_detection import CopyTracker

COPIED_MARK = "┃"
"""Stands in the margin of lines that hold something copied."""

TAB_WIDTH = 4
"""Columns from one tab stop to the next."""


class StyleRun(NamedTuple):
    """How a stretch of text looks, and the token that it came with, which is number ``number`` of its block."""

    style: str
    token: Token | None = None
    token_index: int = 0


class StyledText(NamedTuple):
    """Text to be shown, as it is; what would steer a terminal is made visible."""

    text: str
    style: str = "text"
    token: Token | None = None


@dataclass(slots=True, eq=False)
class Paragraph:
    """Text up to a newline. ``hang`` columns are left free before its second and further lines."""

    mark: str = ""
    indent: int = 0
    copy_tracker: CopyTracker | None = None
    text: str = ""
    run_starts: list[int] = field(default_factory=list)
    runs: list[StyleRun] = field(default_factory=list)
    single_width: bool = True
    """Whether each character takes one column."""
    temperature_changes: list[tuple[int, float]] = field(default_factory=list)
    """Where tokens begin that another T drew than those before, and that T."""

    def add(self, text: str, run: StyleRun) -> None:
        """Let it grow by a text without newlines."""
        if not text:
            return
        self.single_width = self.single_width and (
            text.isascii() or all(cell_len(each) == 1 for each in text if each != "\t")
        )
        self.run_starts.append(len(self.text))
        self.runs.append(run)
        self.text += self._expand_tabs(text) if "\t" in text else text

    def lines(self, width: int, start: int = 0) -> Iterator[WrappedLine]:
        """Its lines from the character ``start`` on; at least one."""
        hang = min(self.indent, width // 2)
        while True:
            end = self._line_end(start, width - hang if start else width)
            yield WrappedLine(self, start, end, hang if start else 0)
            if end >= len(self.text):
                return
            start = end

    def _line_end(self, start: int, width: int) -> int:
        """Where the line ends that begins at ``start``: behind a space if it can, one of which may stand out."""
        if not self.single_width:
            return self._line_end_by_columns(start, width)
        if len(self.text) - start <= width:
            return len(self.text)
        space = self.text.rfind(" ", start, start + width + 1)
        return space + 1 if space >= 0 else start + width

    def _line_end_by_columns(self, start: int, width: int) -> int:
        # Text may be nothing but marks without width: the cut keeps such a line finite.
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
        grown = self.text
        *parts, last = text.split("\t")
        for part in parts:
            grown += part
            column = len(grown) if self.single_width else cell_len(grown)
            grown += " " * (TAB_WIDTH - column % TAB_WIDTH)
        return grown[len(self.text) :] + last


@dataclass(slots=True, eq=False)
class WrappedLine:
    """Characters ``start`` to ``end`` of a paragraph. ``strip`` keeps how it was drawn, ``copied`` whether some of it
    stands in the training text.
    """

    paragraph: Paragraph
    start: int
    end: int
    indent: int = 0
    strip: Strip | None = None
    copied: bool = False

    @property
    def mark(self) -> str:
        """What stands left of it."""
        return "" if self.start else self.paragraph.mark

    @property
    def text(self) -> str:
        """Its characters, as drawn."""
        return " " * self.indent + self.paragraph.text[self.start : self.end]

    @property
    def ends_paragraph(self) -> bool:
        """Whether a newline follows, and not a mere wrap."""
        return self.end >= len(self.paragraph.text)

    @property
    def temperature_change(self) -> float | None:
        """The T to which the temperature was turned last within the line; None where it was not."""
        turns = self.paragraph.temperature_changes
        if not turns:
            return None
        last = bisect_right(turns, (self.end, inf) if self.ends_paragraph else (self.end, -inf)) - 1
        return turns[last][1] if last >= 0 and turns[last][0] >= self.start else None

    def styled_runs(self) -> Iterator[tuple[str, StyleRun]]:
        """Its stretches of text, each with its look."""
        whole = self.paragraph
        if self.indent:
            yield " " * self.indent, StyleRun("text")
        index = bisect_right(whole.run_starts, self.start) - 1
        at = self.start
        while at < self.end:
            following = whole.run_starts[index + 1] if index + 1 < len(whole.run_starts) else len(whole.text)
            yield whole.text[at : min(following, self.end)], whole.runs[index]
            at, index = following, index + 1


class TokenSpan(NamedTuple):
    """Where a token stands: characters ``start`` to ``end`` of a paragraph; none for one that shows nothing there."""

    paragraph: Paragraph
    start: int
    end: int
    token: Token


class Block:
    """Paragraphs that belong together, and their lines. ``places`` are those of its tokens, in their order; ``copies``
    tells which of them are copied.
    """

    def __init__(
        self,
        texts: Iterable[StyledText] = (),
        mark: str = "",
        blank_line_before: bool = False,
        topic: str = "",
        copy_tracker: CopyTracker | None = None,
    ) -> None:
        self.topic, self.copy_tracker = topic, copy_tracker
        self.lines: list[WrappedLine] = []
        self.token_spans: list[TokenSpan] = []
        self._temperature: float | None = None
        self._newly_copied: int | None = None
        self._paragraphs = [Paragraph()] if blank_line_before else []
        self._paragraphs.append(Paragraph(mark, copy_tracker=copy_tracker))
        for piece in texts:
            self._append(piece)

    @classmethod
    def listing(cls, title: str, rows: list[tuple[str, str]]) -> Self:
        """A title over two aligned columns."""
        block = cls([StyledText(title, "title")], blank_line_before=True)
        width = min(36, max((cell_len(escape_controls(left)) for left, _ in rows), default=0))
        for left, right in rows:
            block._paragraphs.append(Paragraph(indent=width + 2))
            padding = " " * (width + 2 - cell_len(escape_controls(left)))
            block._append(StyledText(left.replace("\n", " "), "name"))
            block._append(StyledText((padding or "  ") + right.replace("\n", " "), "note"))
        return block

    def wrap(self, width: int) -> None:
        """Make all lines anew."""
        self.lines = [line for paragraph in self._paragraphs for line in paragraph.lines(width)]

    def grow(self, texts: Iterable[StyledText], width: int) -> tuple[int, list[WrappedLine]]:
        """Add pieces at the end; how many lines that took away there, and those that it put in their place."""
        first, last = len(self._paragraphs) - 1, self.lines.pop()
        for piece in texts:
            self._append(piece)
        added = [*self._paragraphs[first].lines(width, last.start)]
        for paragraph in self._paragraphs[first + 1 :]:
            added += paragraph.lines(width)
        self.lines += added
        return 1, added

    def pop_newly_copied(self) -> int | None:
        """The first token that was found to be copied since this was asked last; None where none was."""
        stale, self._newly_copied = self._newly_copied, None
        return stale

    def end_position(self) -> tuple[Paragraph, int]:
        """Where the next token will stand."""
        return self._paragraphs[-1], len(self._paragraphs[-1].text)

    def _append(self, styled_text: StyledText) -> None:
        first, *others = escape_controls(styled_text.text).split("\n")
        run = StyleRun(styled_text.style, styled_text.token, len(self.token_spans))
        paragraph = self._paragraphs[-1]
        start = len(paragraph.text)
        paragraph.add(first, run)
        if styled_text.token:
            self._record_span(TokenSpan(paragraph, start, len(paragraph.text), styled_text.token))
        for text in others:
            self._paragraphs.append(Paragraph(copy_tracker=self.copy_tracker))
            self._paragraphs[-1].add(text, run)
        if self.copy_tracker:
            self._track_copies(self.copy_tracker, styled_text)

    def _track_copies(self, copy_tracker: CopyTracker, styled_text: StyledText) -> None:
        """Look whether a piece is copied."""
        if not styled_text.token:
            copy_tracker.add_seed(styled_text.text)
        elif (first := copy_tracker.add_token(styled_text.text)) is not None:
            self._newly_copied = first if self._newly_copied is None else min(first, self._newly_copied)

    def _record_span(self, span: TokenSpan) -> None:
        """Remember where a token stands, and whether the temperature was turned there."""
        self.token_spans.append(span)
        temperature = round(span.token.temperature, 2)
        if temperature != self._temperature:
            self._temperature = temperature
            span.paragraph.temperature_changes.append((span.start, temperature))
