"""The transcript: texts, notes and lists, wrapped once and drawn line by line. Knows blocks of text, not passages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import ClassVar

from rich.style import Style
from textual.events import Click, Resize
from textual.geometry import Offset, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from ...core.commands.effects import Table
from ...core.sanitize import one_line
from ...core.text.copy_detection import CopyTracker
from .blocks import Block
from .document import Document
from .highlight import Highlight, characters_left_of, restyle, token_at, word_at
from .line_painter import WIDE_MARGIN, LinePainter
from .listings import ListingBlock, RuleBlock, lay_out_list, lay_out_table
from .wrapping import StyledText, TokenSpan, WrappedLine

NARROW_MARGIN = 2
"""Columns for marks left of the text, so that verse and tables line up from the first line."""

MIN_WIDTH_FOR_WIDE_MARGIN = 46
"""Minimum width in columns for the wide margin."""

MIN_TEXT_WIDTH = 8
"""Minimum columns that text is wrapped at, however narrow the transcript is."""


class Transcript(ScrollView, can_focus=False):
    """Shows blocks one below the other, and scrolls to the end as they grow unless the user has scrolled up.

    The current text is the text that was begun last. ``reopen`` moves it to the end, where it can grow. Notes added
    while it grows are below it.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"transcript--{name}" for name in ("seed", "text", "note", "error", "title", "name")),
        *(f"transcript--{name}" for name in ("mark", "turn", "cursor", "quote", "rule", "past")),
        *(f"transcript--{name}" for name in ("head", "figure", "result", "raw", "shaped")),
        *(f"transcript--heat{number}" for number in range(5)),
    }

    class TokenClicked(Message):
        """A token of the current text was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self) -> None:
        super().__init__()
        self._document = Document()
        self._current_block = Block()
        self._summary: Block | None = None
        self._margin_width = NARROW_MARGIN
        self._following = True
        self._painter = LinePainter(lambda name: self.get_component_rich_style(f"transcript--{name}"))
        self._token_highlight = Highlight()

    @property
    def token_spans(self) -> Sequence[TokenSpan]:
        """Positions of the tokens of the current text, in order."""
        return self._current_block.token_spans

    @property
    def copy_tracker(self) -> CopyTracker | None:
        """Tracker of the copied runs of the current text. None if the model has no index of copies."""
        return self._current_block.copy_tracker

    @property
    def lines(self) -> Sequence[WrappedLine]:
        """All lines, from the top."""
        return self._document.lines

    @property
    def margin_width(self) -> int:
        """Columns left of the text, for marks."""
        return self._margin_width

    def heat_style(self, level: int) -> Style:
        """Return the style of a level of heat, 0 to 4."""
        return self.get_component_rich_style(f"transcript--heat{level}")

    def highlight_token(self, index: int | None) -> None:
        """Highlight a token of the current text, or the place after its last. None removes the highlight."""
        if index == self._token_highlight.index:
            return
        self._token_highlight.index = index
        number = self._token_highlight.line_number(self._current_block, self.lines)
        if self.size.height and number is not None and not 0 <= number - self.scroll_offset.y < self.size.height:
            self.scroll_to(y=max(0, number - self.size.height // 2), animate=False, force=True)
        elif index is None:
            self.scroll_end(animate=False, force=True)
        self.refresh()

    def on_click(self, event: Click) -> None:
        """Post TokenClicked if a token was clicked. Select the word of a second click, the paragraph of a third."""
        offset = event.get_content_offset(self)
        number = offset.y + self.scroll_offset.y if offset else len(self.lines)
        if event.chain > 1:
            event.prevent_default()  # the toolkit selects the whole widget
            if number < len(self.lines):
                self._select_around(self.nearest_character(event.screen_x, event.screen_y), word=event.chain == 2)
        elif offset and number < len(self.lines) and not self.text_selection:
            index = token_at(self._current_block, self.lines[number], offset.x - self._margin_width)
            if index is not None:
                self.post_message(self.TokenClicked(index))

    def nearest_character(self, x: int, y: int) -> Offset:
        """Return the character nearest to a place on the screen, as (index in its line, index of the line)."""
        region = self.scrollable_content_region
        row = min(max(y - region.y, 0), region.height - 1) + self.scroll_offset.y
        if row >= len(self.lines):
            row, x = len(self.lines) - 1, region.right
        if row < 0:
            return Offset(0, 0)
        return Offset(characters_left_of(self.lines[row], max(0, x - region.x - self._margin_width)), row)

    def _forget_selection(self) -> None:
        """Select nothing: the numbers of the lines change."""
        if self.text_selection:
            self.screen.clear_selection()

    def _select_around(self, place: Offset, word: bool) -> None:
        """Select the word at a place, or else the whole paragraph."""
        line = self.lines[place.y]
        text = line.paragraph.text
        start, end = word_at(text, line.start + place.x - line.indent) if word else (0, len(text))
        self.screen.selections = {self: self._document.selection(place.y, start, end)}

    def add_note(self, text: str, topic: str = "") -> None:
        """Add a dim line. It replaces the last block if that has the same ``topic``."""
        self.remove_note(topic)
        self._add(Block([StyledText(one_line(text), "note")], mark="·", topic=topic, passing=True))

    def remove_note(self, topic: str) -> None:
        """Remove the last block if it is a note of this topic."""
        if topic and self._document.last_topic == topic:
            self._forget_selection()
            self._document.remove_last()
            self._refresh_from(0)

    def add_error(self, text: str, passing: bool = True) -> None:
        """Add an error message. Repeated, it is shown once. It goes when another line begins a text if ``passing``."""
        self.remove_note(text)
        self._add(Block([StyledText(one_line(text), "error")], mark="✗", topic=text, passing=passing))

    def add_warning(self, text: str) -> None:
        """Add an error message that stays, since what it says is so until the program ends."""
        self.add_error(text, passing=False)

    def age_notes(self) -> None:
        """Let the notes and errors shown so far go when a text begins: another line is run."""
        self._document.age()

    def add_listing(self, title: str, rows: Iterable[tuple[str, str]]) -> None:
        """Add a title above rows of two texts."""
        self._add_rows(ListingBlock(title, partial(lay_out_list, list(rows))))

    def add_table(self, table: Table) -> None:
        """Add a table."""
        self._add_rows(ListingBlock(table.title, partial(lay_out_table, table)))

    def _add_rows(self, block: Block) -> None:
        """Add a list or table. If it is higher than the transcript, show its beginning."""
        self._add(block)
        if len(block.lines) > self.size.height:
            self.scroll_to(y=len(self.lines) - len(block.lines), animate=False, force=True, immediate=True)

    def begin_text(
        self, texts: Iterable[StyledText], replace: bool = False, copy_tracker: CopyTracker | None = None
    ) -> None:
        """Begin a text that can grow. ``replace`` removes the current one first."""
        if replace:
            self._document.remove(self._current_block)
        self._clear_past()
        self._current_block = Block(texts, mark="›", blank_line_before=bool(self.lines), copy_tracker=copy_tracker)
        self._add(self._current_block)

    def reopen(self) -> None:
        """Move the current text to the end, so that it can grow there."""
        self._document.remove(self._current_block)
        self._clear_past()
        self._add(self._current_block)

    def end_passage(self, title: str) -> None:
        """Dim everything shown, with a title above the current text: another passage begins."""
        self._clear_past()
        self._document.dim(self._current_block, RuleBlock(title))
        self._current_block = Block()
        self._refresh_from(0)

    def write(self, texts: Iterable[StyledText]) -> None:
        """Append to the current text."""
        self._refresh_from(self._document.grow(self._current_block, texts))

    def finish(self, summary: str) -> None:
        """Add a dim line below the current text. It is removed if that text is continued."""
        self._summary = Block([StyledText(summary, "note")], mark=" ")
        self._add(self._summary)

    def set_heat(self, heat: str, marks_copies: bool = True) -> None:
        """Color tokens by the setting ``heat``. ``marks_copies`` is True to mark copied runs."""
        if (heat, marks_copies) != (self._painter.heat, self._painter.marks_copies):
            self._painter.heat = heat
            self._painter.marks_copies = marks_copies
            self._redraw_all()

    def render_line(self, y: int) -> Strip:
        """Return line ``y`` of the widget."""
        number = y + self.scroll_offset.y
        width = self.size.width
        base = self.rich_style
        if number >= len(self.lines):
            return Strip.blank(width, base)
        line = self.lines[number]
        if line.strip is None:
            line.strip = self._painter.draw(line)
        cursor_style = self.get_component_rich_style("transcript--cursor")
        selected = self._highlight_selection(line.strip, number)
        text = self._token_highlight.apply(selected, line, self._current_block, cursor_style)
        margin = self._painter.draw_margin(line, self._margin_width)
        return Strip([*margin, *text]).adjust_cell_length(width, base)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the selected text, and the newline that ends it."""
        return self._document.selected_text(selection), "\n"

    def selection_updated(self, selection: Selection | None) -> None:  # noqa: ARG002
        """Draw the selection."""
        self.refresh()

    def notify_style_update(self) -> None:
        """Draw all lines again: the theme has changed."""
        super().notify_style_update()
        self._redraw_all()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow the end if the user scrolls to it. Stop following it if the user scrolls up."""
        super().watch_scroll_y(old_value, new_value)
        self._following = round(new_value) >= self.max_scroll_y

    def on_resize(self, event: Resize) -> None:  # noqa: ARG002
        """Wrap again if the width has changed. The line at the top stays there."""
        available = self.scrollable_content_region.width
        self._margin_width = WIDE_MARGIN if available >= MIN_WIDTH_FOR_WIDE_MARGIN else NARROW_MARGIN
        width = max(MIN_TEXT_WIDTH, available - self._margin_width)
        following, top = self._following, self.scroll_offset.y
        if width != self._document.width:
            self._forget_selection()
            top = self._document.wrap(width, top)
        self._following = following
        self._refresh_from(0, top)

    def _highlight_selection(self, strip: Strip, number: int) -> Strip:
        span = self.text_selection.get_span(number) if self.text_selection else None
        if span is None:
            return strip
        first, last = (edge if edge >= 0 else len(strip.text) for edge in span)
        return restyle(strip, first, last, self.screen.get_component_rich_style("screen--selection"))

    def _refresh_from(self, first: int, top: int | None = None) -> None:
        """Draw the lines from ``first`` on again. Stay at the end if it is followed, else go to line ``top``."""
        following = self._following
        self.virtual_size = Size(self._document.width + self._margin_width, len(self.lines))
        if following:
            self.scroll_end(animate=False, immediate=True, x_axis=False, force=True)
        elif top is not None:
            self.scroll_to(y=top, animate=False, force=True)
        self._following = following
        self.refresh_lines(first, max(1, len(self.lines) - first))

    def _redraw_all(self) -> None:
        self._document.discard_strips()
        self.refresh()

    def _add(self, block: Block) -> None:
        self._document.add(block)
        self._refresh_from(0)

    def _clear_past(self) -> None:
        """Remove past notes and the summary, before a text that is followed to its end."""
        self._forget_selection()
        self._document.remove(self._summary)
        self._document.remove_past()
        self._summary = None
        self._following = True
