"""The transcript: everything said so far, wrapped once and drawn line by line. Knows blocks of text, not passages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import ClassVar

from rich.segment import Segment
from textual.events import Click, Resize
from textual.geometry import Offset, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from ...core.render.heat import level
from ...core.text.copy_detection import CopyMarks
from .highlight import Pointer, restyled, token_at
from .wrapping import COPIED, Block, Line, Piece, Place, Run

GUTTER = 2
"""Columns at the left for a mark; text stands right of them, so that verse and tables line up from the first line."""

MARGIN = 6
"""The same where there is room for the T to which the temperature was turned."""

ROOM = 46
"""Columns from which on there is."""


class Transcript(ScrollView, can_focus=False):
    """Texts, notes and lists, one under the other. Follows its end until the reader scrolls up, and again from there.

    The text in hand can be taken up again: it moves to the end and grows there, whatever was said in between. Notes
    that come while it grows stand below it.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"transcript--{name}" for name in ("seed", "text", "note", "error", "title", "name")),
        *(f"transcript--{name}" for name in ("mark", "turn", "cursor", "copied", "quote")),
        *(f"transcript--heat{number}" for number in range(5)),
    }

    def __init__(self) -> None:
        super().__init__()
        self._blocks: list[Block] = []
        self._lines: list[Line] = []
        self._held: Block | None = None
        self._open: Block | None = None
        self._summary: Block | None = None
        self._width = 80
        self._gutter = GUTTER
        self._following = True
        self._heat, self._marks_copies = "off", True
        self._pointer = Pointer()

    class Pointed(Message):
        """Somebody clicked on a token of the text in hand."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    @property
    def places(self) -> Sequence[Place]:
        """Where the tokens of the text in hand stand."""
        return self._held.places if self._held else ()

    @property
    def copies(self) -> CopyMarks | None:
        """Which tokens of the text in hand are copied; None where nobody knows."""
        return self._held.copies if self._held else None

    def point(self, index: int | None) -> None:
        """Mark a token of the text in hand, or the place behind its last; None takes the mark away."""
        if index == self._pointer.index:
            return
        self._pointer.index = index
        number = self._pointer.number(self._held, self._lines)
        if number is not None and not 0 <= number - self.scroll_offset.y < self.size.height:
            self.scroll_to(y=max(0, number - self.size.height // 2), animate=False, force=True)
        elif index is None:
            self.scroll_end(animate=False, force=True)
        self.refresh()

    def on_click(self, event: Click) -> None:
        """Tell which token was clicked on."""
        offset = event.get_content_offset(self)
        number = offset.y + self.scroll_offset.y if offset else len(self._lines)
        if offset and number < len(self._lines) and not self.text_selection:
            index = token_at(self._held, self._lines[number], offset.x - self._gutter)
            if index is not None:
                self.post_message(self.Pointed(index))

    def note(self, text: str, topic: str = "") -> None:
        """A dim line. One of the same ``topic`` right above it is replaced."""
        self.retract(topic)
        self._add(Block([Piece(text, "note")], mark="·", topic=topic))

    def retract(self, topic: str) -> None:
        """Take the last note back if it is of this topic."""
        if topic and self._blocks and self._blocks[-1].topic == topic:
            self._blocks.pop()
            self._gather()

    def error(self, text: str) -> None:
        """A line that stands out."""
        self._add(Block([Piece(text, "error")], mark="✗"))

    def listing(self, title: str, rows: Iterable[tuple[str, str]]) -> None:
        """A title over two aligned columns."""
        self._add(Block.listing(title, list(rows)))

    def show(self, pieces: Iterable[Piece], instead: bool = False, copies: CopyMarks | None = None) -> None:
        """Begin a text with these pieces, ready to grow; ``instead`` of the text in hand, or after it."""
        if instead:
            self._take_away(self._held)
        self._drop_summary(instead)
        self._held = self._open = Block(pieces, mark="›", spaced=bool(self._blocks), copies=copies)
        self._add(self._held)

    def resume(self) -> None:
        """Let the text in hand grow again, at the end of everything."""
        assert self._held
        self._take_away(self._held)
        self._drop_summary(True)
        self._open = self._held
        self._add(self._held)

    def aside(self, title: str) -> None:
        """Begin a text that is not the one in hand, under a title."""
        self._open = Block([Piece(f"{title}\n", "title")], spaced=True)
        self._add(self._open)

    def write(self, pieces: Iterable[Piece]) -> None:
        """Let the open text grow."""
        assert self._open
        removed, added = self._open.grow(pieces, self._width)
        end = len(self._lines) - self._below(self._open)
        self._lines[end - removed : end] = added
        self._changed(min(end - removed, self._outdated(self._open, end)))

    def _outdated(self, block: Block, end: int) -> int:
        """Have lines of a block drawn anew that turned out to be copied; the first of them, ``end`` where none."""
        first = block.marked_since()
        while first is not None and end:
            end -= 1
            line, place = self._lines[end], block.places[first]
            line.strip = None
            if line.paragraph is place.paragraph and line.start <= place.start:
                break
        return end

    def finish(self, summary: str) -> None:
        """Put a dim line under the text in hand; it goes away where that text goes on."""
        self._summary = Block([Piece(summary, "note")], mark=" ")
        self._add(self._summary)

    def colour(self, heat: str, marks_copies: bool = True) -> None:
        """Colour every token by its warmth, as the setting ``heat`` says, and mark what is copied or not."""
        if (heat, marks_copies) != (self._heat, self._marks_copies):
            self._heat, self._marks_copies = heat, marks_copies
            self._draw_anew()

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        number, width, base = y + self.scroll_offset.y, self.size.width, self.rich_style
        if number >= len(self._lines):
            return Strip.blank(width, base)
        line = self._lines[number]
        if line.strip is None:
            line.strip = self._drawn(line)
        cursor = self.get_component_rich_style("transcript--cursor")
        text = self._pointer.drawn(self._selected(line.strip, number), line, self._held, cursor)
        return Strip([*self._margin(line), *text.apply_offsets(0, number)]).adjust_cell_length(width, base)

    def _margin(self, line: Line) -> Iterator[Segment]:
        """A mark, the temperature where it was turned, and a bar beside what is copied."""
        yield Segment(line.mark[:1].ljust(1), self.get_component_rich_style("transcript--mark"))
        turn = f"{line.turn:.2f}" if line.turn is not None and self._gutter == MARGIN else ""
        yield Segment(turn.rjust(self._gutter - 2), self.get_component_rich_style("transcript--turn"))
        yield Segment(COPIED if line.copied else " ", self.get_component_rich_style("transcript--quote"))

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, joined again where it was wrapped."""
        start, end = selection.start or Offset(0, 0), selection.end or Offset(0, len(self._lines))
        chosen = []
        for number in range(start.y, min(end.y + 1, len(self._lines))):
            first, last = selection.get_span(number) or (0, 0)
            line = self._lines[number]
            chosen.append(line.text[first : None if last == -1 else last])
            chosen.append("\n" if line.ends_paragraph and number < end.y else "")
        return "".join(chosen), "\n"

    def selection_updated(self, selection: Selection | None) -> None:  # noqa: ARG002
        """Show what is selected."""
        self.refresh()

    def notify_style_update(self) -> None:
        """Another theme: the lines are drawn anew."""
        super().notify_style_update()
        self._draw_anew()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Who scrolls up is left in peace; who comes back to the end is taken along again."""
        super().watch_scroll_y(old_value, new_value)
        self._following = round(new_value) >= self.max_scroll_y

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002
        """Wrap everything anew where the width is another, and stay at the same words."""
        room = self.scrollable_content_region.width
        self._gutter = MARGIN if room >= ROOM else GUTTER
        width = max(8, room - self._gutter)
        following, top = self._following, self.scroll_offset.y
        if width != self._width:
            line = self._lines[top] if top < len(self._lines) else None
            self._width = width
            for block in self._blocks:
                block.wrap(width)
            self._gather()
            top = self._number_of(line) if line else 0
        self._following = following
        self._changed(0, top)

    def _drawn(self, line: Line) -> Strip:
        copies, line.copied = line.paragraph.copies if self._marks_copies else None, False
        looks = []
        for text, run in line.parts():
            copied = bool(copies and run.token and copies.length(run.number))
            line.copied = line.copied or copied
            looks.append((self._look(run, copied), text))
        return Strip(
            Segment("".join(text for _, text in parts), self.get_component_rich_style(f"transcript--{look}"))
            for look, parts in groupby(looks, key=itemgetter(0))
        )

    def _look(self, run: Run, copied: bool) -> str:
        """How a run is drawn. Where heat has the say, the bar in the margin alone tells of copies."""
        warmth = level(run.token, self._heat) if run.token else None
        return f"heat{warmth}" if warmth is not None else "copied" if copied else run.style

    def _selected(self, strip: Strip, number: int) -> Strip:
        span = self.text_selection.get_span(number) if self.text_selection else None
        if span is None:
            return strip
        first, last = (edge if edge >= 0 else len(strip.text) for edge in span)
        return restyled(strip, first, last, self.screen.get_component_rich_style("screen--selection"))

    def _add(self, block: Block) -> None:
        block.wrap(self._width)
        self._blocks.append(block)
        self._gather()

    def _take_away(self, block: Block | None) -> None:
        if block in self._blocks:
            self._blocks.remove(block)

    def _drop_summary(self, visible: bool) -> None:
        if visible:
            self._take_away(self._summary)
        self._summary = None

    def _below(self, block: Block) -> int:
        """How many lines stand below a block."""
        count = 0
        for other in reversed(self._blocks):
            if other is block:
                break
            count += len(other.lines)
        return count

    def _gather(self) -> None:
        self._lines = [line for block in self._blocks for line in block.lines]
        self._changed(0)

    def _changed(self, first: int, top: int | None = None) -> None:
        """Tell the screen that lines are others from ``first`` on."""
        following = self._following
        self.virtual_size = Size(self._width + self._gutter, len(self._lines))
        if following:
            self.scroll_end(animate=False, immediate=True, x_axis=False, force=True)
        elif top is not None:
            self.scroll_to(y=top, animate=False, force=True)
        self._following = following
        self.refresh_lines(first, max(1, len(self._lines) - first))

    def _number_of(self, line: Line) -> int:
        """Where the beginning of a line of before is now."""
        for number, now in enumerate(self._lines):
            if now.paragraph is line.paragraph and now.start <= line.start < max(now.end, now.start + 1):
                return number
        return 0

    def _draw_anew(self) -> None:
        for line in self._lines:
            line.strip = None
        self.refresh()
