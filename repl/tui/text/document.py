"""The blocks of a transcript, and their lines at a width."""

from __future__ import annotations

from collections.abc import Iterable

from textual.geometry import Offset
from textual.selection import Selection

from .blocks import Block
from .wrapping import StyledText, WrappedLine


class Document:
    """Blocks one below the other. ``lines`` are the lines of all blocks, wrapped at ``width`` columns."""

    def __init__(self) -> None:
        self.width = 80
        self.lines: list[WrappedLine] = []
        self._blocks: list[Block] = []

    @property
    def last_topic(self) -> str:
        """Topic of the last block, "" if it has none."""
        return self._blocks[-1].topic if self._blocks else ""

    def add(self, block: Block) -> None:
        """Append a block."""
        block.wrap(self.width)
        self._blocks.append(block)
        self._collect_lines()

    def remove(self, block: Block | None) -> None:
        """Remove a block if the document contains it."""
        if block in self._blocks:
            self._blocks.remove(block)
            self._collect_lines()

    def remove_last(self) -> None:
        """Remove the last block."""
        self._blocks.pop()
        self._collect_lines()

    def age(self) -> None:
        """Make the passing blocks past."""
        for block in self._blocks:
            block.past = block.passing

    def remove_past(self) -> None:
        """Remove the past blocks."""
        self._blocks = [block for block in self._blocks if not block.past]
        self._collect_lines()

    def dim(self, block: Block, heading: Block) -> None:
        """Dim all blocks, and insert a heading above one of them."""
        for each in (bright for bright in self._blocks if not bright.dimmed):
            each.dimmed = True
            each.wrap(self.width)
        heading.wrap(self.width)
        self._blocks.insert(self._blocks.index(block), heading)
        self._collect_lines()

    def wrap(self, width: int, top: int = 0) -> int:
        """Wrap all blocks at another width. Return the new index of line ``top``."""
        self.width = width
        old, blocks = self.lines, [block for block in self._blocks for _ in block.lines]
        for block in self._blocks:
            block.wrap(width)
        self._collect_lines()
        return self._find_line(blocks[top], old[top]) if top < len(old) else 0

    def grow(self, block: Block, texts: Iterable[StyledText]) -> int:
        """Append texts to a block. Return the index of the first line that has to be drawn again."""
        added = block.grow(texts, self.width)
        end = len(self.lines) - self._count_lines_below(block)
        self.lines[end - 1 : end] = added
        return min(end - 1, self._invalidate_copied(block, end))

    def selection(self, number: int, start: int, end: int) -> Selection:
        """Return the selection of characters ``start`` to ``end`` of the paragraph that line ``number`` is part of."""
        return Selection(self._offset(number, start), self._offset(number, end))

    def _offset(self, number: int, character: int) -> Offset:
        """Return (index in its line, index of the line) of a character of the paragraph of line ``number``."""
        while self.lines[number].start > character:
            number -= 1
        while self.lines[number].end < character:
            number += 1
        line = self.lines[number]
        return Offset(character - line.start + line.indent, number)

    def selected_text(self, selection: Selection) -> str:
        """Return the selected text without the line breaks of wrapping."""
        start, end = selection.start or Offset(0, 0), selection.end or Offset(0, len(self.lines))
        parts = []
        for number in range(start.y, min(end.y + 1, len(self.lines))):
            first, last = selection.get_span(number) or (0, 0)
            line = self.lines[number]
            parts.append(line.text[first : None if last == -1 else last])
            parts.append("\n" if line.ends_paragraph and number < end.y else "")
        return "".join(parts)

    def discard_strips(self) -> None:
        """Discard the drawn lines, for example because a style has changed."""
        for line in self.lines:
            line.strip = None

    def _find_line(self, block: Block, line: WrappedLine) -> int:
        """Return the index of the line that contains the start of ``line``, which was wrapped at another width.

        For a list, whose paragraphs are new, it is its first line.
        """
        first = self.first_line(block)
        for number, new in enumerate(block.lines, first):
            if new.paragraph is line.paragraph and new.start <= line.start < max(new.end, new.start + 1):
                return number
        return first

    def first_line(self, block: Block) -> int:
        """Return the index of the first line of a block."""
        return len(self.lines) - self._count_lines_below(block) - len(block.lines)

    def _collect_lines(self) -> None:
        self.lines = [line for block in self._blocks for line in block.lines]

    def _count_lines_below(self, block: Block) -> int:
        """Return the number of lines below a block."""
        count = 0
        for other in reversed(self._blocks):
            if other is block:
                break
            count += len(other.lines)
        return count

    def _invalidate_copied(self, block: Block, end: int) -> int:
        """Discard the drawn lines above ``end`` from the first newly copied token on. Return the first such line.

        Return ``end`` if no token is newly copied.
        """
        first_copied = block.pop_newly_copied()
        if first_copied is None:
            return end
        span = block.token_spans[first_copied]
        while end:
            end -= 1
            line = self.lines[end]
            line.strip = None
            if line.paragraph is span.paragraph and line.start <= span.start:
                break
        return end
