"""The passage in hand as the transcript shows it: seeds apart from what was written, each text once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ...core.commands.effects import Play
from ...core.events import Done, Event, Notice, Token
from ...core.session.passage import Passage
from ...core.session.session import Session
from ...core.text.copy_detection import CopyMarks
from .transcript import Transcript
from .wrapping import Piece, Place


class Reading:
    """Keeps a transcript in step with a session's passage. A text that goes on grows where it ended."""

    def __init__(self, session: Session, transcript: Transcript) -> None:
        self._session = session
        self._transcript = transcript
        self._passage: Passage | None = None
        self._cursor: int | None = None

    def show(self) -> None:
        """The passage as it stands, instead of how it stood."""
        self._show(without_last=False)

    @property
    def places(self) -> Sequence[Place]:
        """Where the tokens of the passage in hand stand; none where another one is shown yet."""
        return self._transcript.places if self._passage is self._session.passage else ()

    @property
    def copies(self) -> CopyMarks | None:
        """Which tokens of the passage in hand are copied; None where nobody knows, or wants to."""
        shown = self._session.settings.copied == "on" and self._passage is self._session.passage
        return self._transcript.copies if shown else None

    def begin(self, play: Play) -> None:
        """Have the text at the end of the transcript that the first tokens are about to join."""
        if play.title:
            self._transcript.aside(play.title)
        elif self._goes_on():
            self._transcript.resume()
        else:
            self._show(without_last=self._session.passage.current().seed is None)

    def take(self, batch: Iterable[Event]) -> None:
        """Show some events."""
        pieces = []
        for event in batch:
            if isinstance(event, Notice):
                self._transcript.note(event.text)
            elif isinstance(event, Token):
                pieces.append(Piece(event.text, "text", event))
            elif isinstance(event, Done):
                pieces.append(Piece(event.text))
        self._transcript.write(pieces)

    def finish(self) -> None:
        """Say what the text was written with."""
        self._cursor = self._session.passage.cursor
        self._transcript.finish(self._session.passage.summary())

    def _show(self, without_last: bool) -> None:
        passage = self._session.passage
        copies = self._session.model.copy_marks()
        self._transcript.show(_pieces(passage, without_last), passage is self._passage, copies)
        self._passage, self._cursor = passage, passage.cursor

    def _goes_on(self) -> bool:
        """Whether the text being written begins where the shown one ends."""
        passage = self._session.passage
        node = passage.current()
        if passage is not self._passage or node.seed is not None or node.parent is None or node.parent != self._cursor:
            return False
        return node.at == len(passage.nodes[node.parent].tokens)


def _pieces(passage: Passage, without_last: bool) -> Iterator[Piece]:
    steps = list(passage.path())
    for node, kept in steps[:-1] if without_last else steps:
        if node.seed is not None:
            yield Piece(node.seed, "seed")
            continue
        yield from (Piece(token.text, "text", token) for token in node.tokens[:kept])
        if kept is None or kept >= len(node.tokens):
            yield Piece(node.tail)
