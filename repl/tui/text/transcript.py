"""The transcript: texts, notes and lists, wrapped once and drawn line by line. Knows blocks of text, not passages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import ClassVar

from rich.style import Style
from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from ....core.commands.effects import Table
from ....core.render.heat import SCALES
from ....core.sanitize import one_line
from ....core.text.copy_tracker import CopyTracker
from .blocks import Block
from .document_view import DocumentView
from .highlight import Highlight, token_at, token_at_character
from .listings import ListingBlock, RuleBlock, lay_out_list, lay_out_table
from .matches import Matches
from .wrapping import StyledText, TokenSpan, WrappedLine


class Transcript(DocumentView):
    """Shows blocks one below the other, and scrolls to the end as they grow unless the user has scrolled up.

    The current text is the text that was begun last. ``reopen`` moves it to the end, where it can grow. Notes added
    while it grows are below it.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"transcript--{name}" for name in ("seed", "plain-seed", "text", "note", "error", "title", "name")),
        *(f"transcript--{name}" for name in ("mark", "turn", "cursor", "quote", "match", "match-chosen")),
        *(f"transcript--{name}" for name in ("past", "head", "figure", "result", "raw", "shaped")),
        *(f"transcript--{name}{number}" for name in SCALES for number in range(5)),
    }

    class TokenClicked(Message):
        """A token of the current text was clicked."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self) -> None:
        super().__init__()
        self._current_block = Block()
        self._summary: Block | None = None
        self._token_highlight = Highlight()
        self._matches: Matches | None = None
        self._list: Block | None = None

    @property
    def token_spans(self) -> Sequence[TokenSpan]:
        """Positions of the tokens of the current text, in order."""
        return self._current_block.token_spans

    @property
    def copy_tracker(self) -> CopyTracker | None:
        """Tracker of the copied runs of the current text. None if the model has no index of copies."""
        return self._current_block.copy_tracker

    def heat_style(self, look: str) -> Style:
        """Return the style of a look of heat: "heat4"."""
        return self.get_component_rich_style(f"transcript--{look}")

    def highlight_token(self, index: int | None, scroll: bool = True) -> None:
        """Highlight a token of the current text, or the place after its last, and scroll to it if ``scroll``.

        None removes the highlight.
        """
        if index == self._token_highlight.index:
            return
        self._token_highlight.index = index
        number = self._token_highlight.line_number(self._current_block, self.lines)
        if number is not None and scroll:
            self.scroll_to_line(number)
        elif index is None:
            self.scroll_end(animate=False, force=True)
        self.refresh()

    @property
    def matches(self) -> Matches | None:
        """The highlighted places of what is searched for, None if nothing is."""
        return self._matches

    def find(self, query: str, step: int) -> bool:
        """Highlight the places of a query in the current text, and show the next (1) or the previous one (-1).

        The first time, it is the first place. Return False, and highlight nothing, if there is none.
        """
        before, self._matches = self._matches, Matches(self._current_block.paragraphs, query) or None
        self.refresh()
        if self._matches is None:
            return False
        if before:
            self._matches.choose_from(before.start, step)
        number = self._matches.line_number(self.lines)
        if number is not None:
            self.scroll_to_line(number)
        return True

    def get_found_token(self) -> int | None:
        """Return the index of the token at which the chosen place begins. None if nothing is searched for."""
        return token_at_character(self._current_block, *self._matches.position) if self._matches else None

    def end_find(self) -> None:
        """Highlight no places."""
        self._matches = None
        self.refresh()

    def on_click(self, event: Click) -> None:
        """Post TokenClicked if a token was clicked. Select the word of a second click, the paragraph of a third."""
        offset = event.get_content_offset(self)
        number = offset.y + self.scroll_offset.y if offset else len(self.lines)
        if event.chain > 1:
            event.prevent_default()  # the toolkit selects the whole widget
            if number < len(self.lines):
                self.select_around(self.nearest_character(event.screen_x, event.screen_y), word=event.chain == 2)
        elif offset and number < len(self.lines) and not self.text_selection:
            index = token_at(self._current_block, self.lines[number], offset.x - self._margin_width)
            if index is not None:
                self.post_message(self.TokenClicked(index))

    def add_note(self, text: str, topic: str = "") -> None:
        """Add a dim line. It replaces the last block if that has the same ``topic``."""
        self.remove_note(topic)
        self._add(Block([StyledText(one_line(text), "note")], mark="·", topic=topic, passing=True))

    def remove_note(self, topic: str) -> None:
        """Remove the last block if it is a note of this topic."""
        if topic and self._document.last_topic == topic:
            self.forget_selection()
            self._document.remove_last()
            self.refresh_from(0)

    def add_error(self, text: str, passing: bool = True) -> None:
        """Add an error message. Repeated, it is shown once. It goes when another line begins a text if ``passing``."""
        self.remove_note(text)
        self._add(Block([StyledText(one_line(text), "error")], mark="✗", topic=text, passing=passing))

    def add_warning(self, text: str) -> None:
        """Add an error message that stays, since what it says is so until the program ends."""
        self.add_error(text, passing=False)

    def age_notes(self) -> None:
        """Let the notes and errors shown so far go when a text begins, and their lists be: another line is run."""
        self._document.age()
        self._list = None

    @property
    def hides_end(self) -> bool:
        """True if the end is out of sight, but not below a list of the line that is run."""
        return not self._following and self._list is None

    def add_listing(self, title: str, rows: Iterable[tuple[str, str]]) -> None:
        """Add a title above rows of two texts."""
        self._add_rows(ListingBlock(title, partial(lay_out_list, list(rows))))

    def add_table(self, table: Table) -> None:
        """Add a table."""
        self._add_rows(ListingBlock(table.title, partial(lay_out_table, table)))

    def _add_rows(self, block: Block) -> None:
        """Add a list or table, and show it, or its beginning if it is higher than the transcript."""
        self._following = True
        self._list = self._list or block  # the first of the line that is run
        self._add(block)

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
        self.refresh_from(0)

    def write(self, texts: Iterable[StyledText]) -> None:
        """Append to the current text."""
        self.refresh_from(self._document.grow(self._current_block, texts))

    def finish(self, summary: str) -> None:
        """Add a dim line below the current text. It is removed if that text is continued."""
        self._summary = Block([StyledText(summary, "note")], mark=" ")
        self._add(self._summary)

    def highlight_strip(self, strip: Strip, line: WrappedLine) -> Strip:
        """Return the text of a line with the places that were found and the token that is highlighted."""
        if self._matches:
            styles = map(self.get_component_rich_style, ("transcript--match", "transcript--match-chosen"))
            strip = self._matches.apply(strip, line, *styles)
        cursor_style = self.get_component_rich_style("transcript--cursor")
        return self._token_highlight.apply(strip, line, self._current_block, cursor_style)

    def _add(self, block: Block) -> None:
        self._document.add(block)
        self.refresh_from(0)
        if self._list and self._following:  # keep its title in sight, which is after an empty line
            title = self._document.first_line(self._list) + 1
            if len(self.lines) - title > self.size.height:
                self.scroll_to(y=title, animate=False, force=True, immediate=True)

    def _clear_past(self) -> None:
        """Remove past notes and the summary, before a text that is followed to its end."""
        self.forget_selection()
        self._document.remove(self._summary)
        self._document.remove_past()
        self._summary = None
        self._matches = None
        self._list = None
        self._following = True
