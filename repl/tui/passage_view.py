"""The passage in hand as the transcript shows it: seeds apart from what was written, each text once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ...core.events import Done, Event, Notice, Token
from ...core.session.passage import Passage
from ...core.session.session import Session
from ...core.text.copy_detection import CopyTracker
from .transcript import Transcript
from .wrapping import StyledText, TokenSpan


class PassageView:
    """Keeps a transcript in step with a session's passage. A text that goes on grows where it ended."""

    def __init__(self, session: Session, transcript: Transcript) -> None:
        self._session = session
        self._transcript = transcript
        self._passage: Passage | None = None
        self._cursor: int | None = None

    def show(self) -> None:
        """The passage as it stands, instead of how it stood."""
        self._show_passage(without_last=False)

    @property
    def token_spans(self) -> Sequence[TokenSpan]:
        """Where the tokens of the passage in hand stand; none where another one is shown yet."""
        return self._transcript.token_spans if self._passage is self._session.passage else ()

    @property
    def copy_tracker(self) -> CopyTracker | None:
        """Which tokens of the passage in hand are copied; None where nobody knows, or wants to."""
        shown = self._session.settings.copied and self._passage is self._session.passage
        return self._transcript.copy_tracker if shown else None

    def begin(self) -> None:
        """Move the text that is about to grow to the end of the transcript."""
        if self._continues_shown_text():
            self._transcript.reopen()
        else:
            self._show_passage(without_last=self._session.passage.current().seed is None)

    def append(self, events: Iterable[Event]) -> None:
        """Show some events."""
        pieces = []
        for event in events:
            if isinstance(event, Notice):
                self._transcript.add_note(event.text)
            elif isinstance(event, Token):
                pieces.append(StyledText(event.text, "text", event))
            elif isinstance(event, Done):
                pieces.append(StyledText(event.text))
        self._transcript.write(pieces)

    def finish(self) -> None:
        """Say what the text was written with."""
        self._cursor = self._session.passage.cursor
        self._transcript.finish(self._session.passage.summary())

    def _show_passage(self, without_last: bool) -> None:
        passage = self._session.passage
        copies = self._session.model.copy_tracker()
        self._transcript.begin_text(_styled_texts(passage, without_last), passage is self._passage, copies)
        self._passage, self._cursor = passage, passage.cursor

    def _continues_shown_text(self) -> bool:
        """Whether the text being written begins where the shown one ends."""
        passage = self._session.passage
        node = passage.current()
        if passage is not self._passage or node.seed is not None or node.parent is None or node.parent != self._cursor:
            return False
        return node.at == len(passage.nodes[node.parent].tokens)


def _styled_texts(passage: Passage, without_last: bool) -> Iterator[StyledText]:
    steps = list(passage.path())
    for node, kept in steps[:-1] if without_last else steps:
        if node.seed is not None:
            yield StyledText(node.seed, "seed")
            continue
        yield from (StyledText(token.text, "text", token) for token in node.tokens[:kept])
        if kept is None or kept >= len(node.tokens):
            yield StyledText(node.tail)
