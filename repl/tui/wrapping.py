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
from ...core.render.sanitize import visible
from ...core.text.copy_detection import CopyMarks

COPIED = "┃"
"""Stands in the margin of lines that hold something copied."""

TAB = 4
"""Columns from one tab stop to the next."""


class Run(NamedTuple):
    """How a stretch of text looks, and the token that it came with, which is number ``number`` of its block."""

    style: str
    token: Token | None = None
    number: int = 0


class Piece(NamedTuple):
    """Text to be shown, as it is; what would steer a terminal is made visible."""

    text: str
    style: str = "text"
    token: Token | None = None


@dataclass(slots=True, eq=False)
class Paragraph:
    """Text up to a newline. ``hang`` columns are left free before its second and further lines."""

    mark: str = ""
    hang: int = 0
    copies: CopyMarks | None = None
    text: str = ""
    starts: list[int] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    narrow: bool = True
    """Whether each character takes one column."""
    turns: list[tuple[int, float]] = field(default_factory=list)
    """Where tokens begin that another T drew than those before, and that T."""

    def add(self, text: str, run: Run) -> None:
        """Let it grow by a text without newlines."""
        if not text:
            return
        self.narrow = self.narrow and (text.isascii() or all(cell_len(each) == 1 for each in text if each != "\t"))
        self.starts.append(len(self.text))
        self.runs.append(run)
        self.text += self._untabbed(text) if "\t" in text else text

    def lines(self, width: int, start: int = 0) -> Iterator[Line]:
        """Its lines from the character ``start`` on; at least one."""
        hang = min(self.hang, width // 2)
        while True:
            end = self._end(start, width - hang if start else width)
            yield Line(self, start, end, hang if start else 0)
            if end >= len(self.text):
                return
            start = end

    def _end(self, start: int, width: int) -> int:
        """Where the line ends that begins at ``start``: behind a space if it can, one of which may stand out."""
        if not self.narrow:
            return self._end_by_columns(start, width)
        if len(self.text) - start <= width:
            return len(self.text)
        space = self.text.rfind(" ", start, start + width + 1)
        return space + 1 if space >= 0 else start + width

    def _end_by_columns(self, start: int, width: int) -> int:
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

    def _untabbed(self, text: str) -> str:
        grown = self.text
        *parts, last = text.split("\t")
        for part in parts:
            grown += part
            column = len(grown) if self.narrow else cell_len(grown)
            grown += " " * (TAB - column % TAB)
        return grown[len(self.text) :] + last


@dataclass(slots=True, eq=False)
class Line:
    """Characters ``start`` to ``end`` of a paragraph. ``strip`` keeps how it was drawn, ``copied`` whether some of it
    stands in the training text.
    """

    paragraph: Paragraph
    start: int
    end: int
    hang: int = 0
    strip: Strip | None = None
    copied: bool = False

    @property
    def mark(self) -> str:
        """What stands left of it."""
        return "" if self.start else self.paragraph.mark

    @property
    def text(self) -> str:
        """Its characters, as drawn."""
        return " " * self.hang + self.paragraph.text[self.start : self.end]

    @property
    def ends_paragraph(self) -> bool:
        """Whether a newline follows, and not a mere wrap."""
        return self.end >= len(self.paragraph.text)

    @property
    def turn(self) -> float | None:
        """The T to which the temperature was turned last within the line; None where it was not."""
        turns = self.paragraph.turns
        if not turns:
            return None
        last = bisect_right(turns, (self.end, inf) if self.ends_paragraph else (self.end, -inf)) - 1
        return turns[last][1] if last >= 0 and turns[last][0] >= self.start else None

    def parts(self) -> Iterator[tuple[str, Run]]:
        """Its stretches of text, each with its look."""
        whole = self.paragraph
        if self.hang:
            yield " " * self.hang, Run("text")
        index = bisect_right(whole.starts, self.start) - 1
        at = self.start
        while at < self.end:
            following = whole.starts[index + 1] if index + 1 < len(whole.starts) else len(whole.text)
            yield whole.text[at : min(following, self.end)], whole.runs[index]
            at, index = following, index + 1


class Place(NamedTuple):
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
        pieces: Iterable[Piece] = (),
        mark: str = "",
        spaced: bool = False,
        topic: str = "",
        copies: CopyMarks | None = None,
    ) -> None:
        self.topic, self.copies = topic, copies
        self.lines: list[Line] = []
        self.places: list[Place] = []
        self._turn: float | None = None
        self._stale: int | None = None
        self._paragraphs = [Paragraph()] if spaced else []
        self._paragraphs.append(Paragraph(mark, copies=copies))
        for piece in pieces:
            self._put(piece)

    @classmethod
    def listing(cls, title: str, rows: list[tuple[str, str]]) -> Self:
        """A title over two aligned columns."""
        block = cls([Piece(title, "title")], spaced=True)
        width = min(36, max((cell_len(visible(left)) for left, _ in rows), default=0))
        for left, right in rows:
            block._paragraphs.append(Paragraph(hang=width + 2))
            padding = " " * (width + 2 - cell_len(visible(left)))
            block._put(Piece(left.replace("\n", " "), "name"))
            block._put(Piece((padding or "  ") + right.replace("\n", " "), "note"))
        return block

    def wrap(self, width: int) -> None:
        """Make all lines anew."""
        self.lines = [line for paragraph in self._paragraphs for line in paragraph.lines(width)]

    def grow(self, pieces: Iterable[Piece], width: int) -> tuple[int, list[Line]]:
        """Add pieces at the end; how many lines that took away there, and those that it put in their place."""
        first, last = len(self._paragraphs) - 1, self.lines.pop()
        for piece in pieces:
            self._put(piece)
        added = [*self._paragraphs[first].lines(width, last.start)]
        for paragraph in self._paragraphs[first + 1 :]:
            added += paragraph.lines(width)
        self.lines += added
        return 1, added

    def marked_since(self) -> int | None:
        """The first token that was found to be copied since this was asked last; None where none was."""
        stale, self._stale = self._stale, None
        return stale

    def end(self) -> tuple[Paragraph, int]:
        """Where the next token will stand."""
        return self._paragraphs[-1], len(self._paragraphs[-1].text)

    def _put(self, piece: Piece) -> None:
        first, *others = visible(piece.text).split("\n")
        run = Run(piece.style, piece.token, len(self.places))
        paragraph = self._paragraphs[-1]
        start = len(paragraph.text)
        paragraph.add(first, run)
        if piece.token:
            self._note(Place(paragraph, start, len(paragraph.text), piece.token))
        for text in others:
            self._paragraphs.append(Paragraph(copies=self.copies))
            self._paragraphs[-1].add(text, run)
        if self.copies:
            self._compare(self.copies, piece)

    def _compare(self, copies: CopyMarks, piece: Piece) -> None:
        """Look whether a piece is copied."""
        if not piece.token:
            copies.type(piece.text)
        elif (first := copies.write(piece.text)) is not None:
            self._stale = first if self._stale is None else min(first, self._stale)

    def _note(self, place: Place) -> None:
        """Remember where a token stands, and whether the temperature was turned there."""
        self.places.append(place)
        temperature = round(place.token.temperature, 2)
        if temperature != self._turn:
            self._turn = temperature
            place.paragraph.turns.append((place.start, temperature))
