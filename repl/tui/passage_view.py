"""Shows the current passage in the transcript, with seeds and written text in different styles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from ...core.events import Done, Event, Notice, Token
from ...core.render.marks import StyleSigns
from ...core.session.passage import Passage
from ...core.session.session import Session
from ...core.session.stored_passage import MAX_TITLE
from ...core.text.copy_tracker import CopyTracker
from .text.transcript import Transcript
from .text.wrapping import StyledText, TokenSpan

if TYPE_CHECKING:
    from ...core.session.unit_values import PassageValues


class PassageView:
    """Shows the session's passage in the transcript. A continued text grows at its end, and is not shown twice."""

    def __init__(self, session: Session, transcript: Transcript) -> None:
        self._session = session
        self._transcript = transcript
        self._passage: Passage | None = None
        self._shown_node: int | None = None
        self._version_passage: Passage | None = None
        self._version_place: tuple[int | None, int] = (None, 0)
        self._version_summary = ""
        self._style_signs = StyleSigns()
        self._appended = 0  # tokens of the text being written
        transcript.set_unit_values(self._unit_value)

    def show(self) -> None:
        """Show the current passage, in place of an earlier version of it, and its summary if it has one."""
        self._show_passage(without_last=False)
        passage = self._session.passage
        if passage.nodes and passage.current().tokens:
            self.finish()

    def leave_earlier(self) -> None:
        """Dim the shown passage under its number, beginning and length if another one was begun."""
        if self._passage and self._passage is not self._session.passage:
            self._transcript.end_passage(_describe(self._passage))
            self._passage = None

    @property
    def token_spans(self) -> Sequence[TokenSpan]:
        """Positions of the tokens of the current passage. Empty if it is not shown yet."""
        return self._transcript.token_spans if self._passage is self._session.passage else ()

    @property
    def version_summary(self) -> str:
        """The number of the version shown, "" if there is one only. It is asked for after each token, and then kept."""
        passage = self._session.passage
        place = (passage.cursor, len(passage.nodes))
        if passage is not self._version_passage or place != self._version_place:
            self._version_passage, self._version_place = passage, place
            self._version_summary = passage.version_summary()
        return self._version_summary

    @property
    def copy_tracker(self) -> CopyTracker | None:
        """Tracker of the copied runs in the text.

        None if there is no text, the setting ``copied`` is off, or the model has no index of copies.
        """
        return self._transcript.copy_tracker if self._session.settings.copied and self.token_spans else None

    def begin(self) -> None:
        """Move the text to the end of the transcript, to grow there."""
        self._appended = 0
        if self._continues_shown_text():
            self._transcript.reopen()
        else:
            self._show_passage(without_last=self._session.passage.current().seed is None)

    def append(self, events: Iterable[Event]) -> None:
        """Show new events of the text."""
        texts = []
        for event in events:
            if isinstance(event, Notice):
                self._transcript.add_note(event.text)
            elif isinstance(event, Token):
                change = self._style_signs.change_at(self._session.passage.current(), self._appended)
                texts.append(StyledText(event.text, "text", event, change))
                self._appended += 1
            elif isinstance(event, Done):
                texts.append(StyledText(event.text))
        self._transcript.write(texts)

    def finish(self) -> None:
        """Show temperatures, length and rng below the text, and its time if ``verbose`` is set."""
        self._shown_node = self._session.passage.cursor
        self._transcript.finish(self._session.summary())

    def _unit_value(self, index: int) -> float | None:
        return self._values.at(index) if self._passage is self._session.passage else None

    @cached_property
    def _values(self) -> PassageValues:
        from ...core.session.unit_values import PassageValues  # imported late: few sessions show a unit

        return PassageValues(self._session)

    def _show_passage(self, without_last: bool) -> None:
        self.leave_earlier()
        passage = self._session.passage
        tracker = self._session.model.copy_tracker()
        self._style_signs = StyleSigns()
        texts = _styled_texts(passage, without_last, self._style_signs)
        self._transcript.begin_text(texts, passage is self._passage, tracker)
        self._passage = passage
        self._shown_node = passage.cursor

    def _continues_shown_text(self) -> bool:
        """Return True if the text being written begins at the end of the shown one."""
        passage = self._session.passage
        node = passage.current()
        if passage is not self._passage or node.seed is not None or node.parent is None:
            return False
        return node.parent == self._shown_node and node.at == len(passage.nodes[node.parent].tokens)


def _describe(passage: Passage) -> str:
    """Return the number of a passage, the beginning of its seed, and its length: "#12 · ROMEO: · 506 characters"."""
    number = f"#{passage.row.id}" if passage.row else ""
    seed = passage.nodes[passage.root()].text()[:MAX_TITLE] if passage.nodes else ""
    return " · ".join(filter(None, (number, " ".join(seed.split()), f"{len(passage.text()):,} characters")))


def _styled_texts(passage: Passage, without_last: bool, signs: StyleSigns) -> Iterator[StyledText]:
    """Yield seeds and tokens from the root to the cursor. ``without_last`` leaves out those of the last node."""
    steps = list(passage.path())
    for node, count in steps[:-1] if without_last else steps:
        if node.seed is not None:
            yield StyledText(node.seed, "seed")
            continue
        for index, token in enumerate(node.tokens[:count]):
            yield StyledText(token.text, "text", token, signs.change_at(node, index))
        if count is None or count >= len(node.tokens):
            yield StyledText(node.tail)
