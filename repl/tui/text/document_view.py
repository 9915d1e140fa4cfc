"""Scrolls over the wrapped lines of a document, draws them, and selects parts of them with the mouse."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from textual.events import Resize
from textual.geometry import Offset, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from .document import Document
from .highlight import characters_left_of, restyle, word_at
from .line_painter import WIDE_MARGIN, LinePainter, UnitValue
from .wrapping import WrappedLine

NARROW_MARGIN = 2
"""Columns for marks left of the text, so that verse and tables line up from the first line."""

MIN_WIDTH_FOR_WIDE_MARGIN = 46
"""Minimum width in columns for the wide margin."""

MIN_TEXT_WIDTH = 8
"""Minimum columns that text is wrapped at, however narrow the transcript is."""


class DocumentView(ScrollView, can_focus=False):
    """Shows the lines of a document with a margin for marks. It follows the end unless the user has scrolled up.

    Names of styles are those of the component classes ``transcript--…``.
    """

    def __init__(self) -> None:
        super().__init__()
        self._document = Document()
        self._margin_width = NARROW_MARGIN
        self._following = True
        self._painter = LinePainter(lambda name: self.get_component_rich_style(f"transcript--{name}"))

    @property
    def lines(self) -> Sequence[WrappedLine]:
        """All lines, from the top."""
        return self._document.lines

    @property
    def margin_width(self) -> int:
        """Columns left of the text, for marks."""
        return self._margin_width

    def highlight_strip(self, strip: Strip, line: WrappedLine) -> Strip:  # noqa: ARG002
        """Return the drawn text of a line with highlights. There are none unless a subclass has some."""
        return strip

    def scroll_to_line(self, number: int) -> None:
        """Scroll to a line if it is out of sight."""
        if self.size.height and not 0 <= number - self.scroll_offset.y < self.size.height:
            self.scroll_to(y=max(0, number - self.size.height // 2), animate=False, force=True)

    def set_heat(self, heat: str, marks_copies: bool = True) -> None:
        """Color tokens by the setting ``heat``. ``marks_copies`` is True to mark copied runs."""
        if (heat, marks_copies) != (self._painter.heat, self._painter.marks_copies):
            self._painter.heat = heat
            self._painter.marks_copies = marks_copies
            self._redraw_all()

    def set_unit_values(self, unit_value: UnitValue) -> None:
        """Color tokens by these values if ``heat`` is a unit of the network."""
        self._painter.unit_value = unit_value

    def nearest_character(self, x: int, y: int) -> Offset:
        """Return the character nearest to a place on the screen, as (index in its line, index of the line)."""
        region = self.scrollable_content_region
        row = min(max(y - region.y, 0), region.height - 1) + self.scroll_offset.y
        if row >= len(self.lines):
            row, x = len(self.lines) - 1, region.right
        if row < 0:
            return Offset(0, 0)
        return Offset(characters_left_of(self.lines[row], max(0, x - region.x - self._margin_width)), row)

    def forget_selection(self) -> None:
        """Select nothing: the numbers of the lines change."""
        if self.text_selection:
            self.screen.clear_selection()

    def select_around(self, place: Offset, word: bool) -> None:
        """Select the word at a place, or else the whole paragraph."""
        line = self.lines[place.y]
        text = line.paragraph.text
        start, end = word_at(text, line.start + place.x - line.indent) if word else (0, len(text))
        self.screen.selections = {self: self._document.selection(place.y, start, end)}

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
        text = self.highlight_strip(self._highlight_selection(line.strip, number), line)
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
            self.forget_selection()
            top = self._document.wrap(width, top)
        self._following = following
        self.refresh_from(0, top)

    def _highlight_selection(self, strip: Strip, number: int) -> Strip:
        span = self.text_selection.get_span(number) if self.text_selection else None
        if span is None:
            return strip
        first, last = (edge if edge >= 0 else len(strip.text) for edge in span)
        style = self.screen.get_component_rich_style("screen--selection")
        if style.color == style.bgcolor:  # the toolkit's "transparent": the text keeps its color
            style = Style(bgcolor=style.bgcolor)
        return restyle(strip, first, last, style)

    def refresh_from(self, first: int, top: int | None = None) -> None:
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
