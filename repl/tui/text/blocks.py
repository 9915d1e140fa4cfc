"""The blocks of a transcript: texts, notes and lists. Of a text that grows, only the last line is wrapped again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ....core.render.marks import StyleChange
from ....core.sanitize import escape_controls
from ....core.text.copy_tracker import CopyTracker
from .wrapping import Paragraph, StyledText, StyleRun, TokenSpan, WrappedLine


class Block:
    """A text, note or list: its paragraphs, and their lines.

    ``token_spans`` are the positions of its tokens, in order. ``copy_tracker`` finds copied runs among them. A note
    replaces a note above it that has the same ``topic``. A ``passing`` block is removed when a text begins, if it is
    ``past`` by then: if another line has been run since.
    """

    def __init__(
        self,
        texts: Iterable[StyledText] = (),
        mark: str = "",
        blank_line_before: bool = False,
        topic: str = "",
        copy_tracker: CopyTracker | None = None,
        passing: bool = False,
    ) -> None:
        self.topic = topic
        self.passing = passing
        self.past = False
        self.dimmed = False
        self.copy_tracker = copy_tracker
        self.lines: list[WrappedLine] = []
        self.token_spans: list[TokenSpan] = []
        self._temperature: float | None = None
        self._first_newly_copied: int | None = None
        self._paragraphs = [Paragraph()] if blank_line_before else []
        self._paragraphs.append(Paragraph(mark, copy_tracker=copy_tracker))
        for text in texts:
            self._append(text)

    @property
    def paragraphs(self) -> Sequence[Paragraph]:
        """The paragraphs, from the top."""
        return self._paragraphs

    def wrap(self, width: int) -> None:
        """Wrap all paragraphs."""
        for paragraph in self._paragraphs:
            paragraph.dimmed = self.dimmed
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
            self._record_span(TokenSpan(paragraph, start, len(paragraph.text), styled_text.token), styled_text.change)
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

    def _record_span(self, span: TokenSpan, style: StyleChange | None) -> None:
        """Record the position of a token, and a change of temperature or style there."""
        self.token_spans.append(span)
        temperature = round(span.token.temperature, 2)
        if temperature != self._temperature or style:
            span.paragraph.changes.append(
                (span.start, None if temperature == self._temperature else temperature, style)
            )
            self._temperature = temperature
