"""A person at a model: settings, the passage in hand, and what can be done with it. Knows no face."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import chain
from os.path import commonprefix
from typing import Any, Protocol

import numpy as np

from ..errors import CommandError
from ..events import Done, Event, Notice, Progress, Token
from ..generation.engine import Engine
from ..generation.snapshot import Snapshot
from ..generation.stream import Stream
from ..generation.sweep import Sweep
from ..model import Model, Reading, load
from ..sampling.filters import log_softmax
from ..sampling.rng import Dice, fresh_rng
from ..settings import SPECS, Settings, spec_of
from .lens import Look, look, look_into
from .passage import Node, Passage
from .replay import state_at, take_kept


class Companion(Protocol):
    """Somebody who looks over the player's shoulder, as the guided tour does; a session has one at most."""

    def heard(self, command: str) -> None:
        """A line is about to be done: a command's name, or "" for a seed or an empty line."""
        ...

    def comments(self, session: Session) -> Iterator[Any]:
        """Effects to show now that a line is done."""
        ...


class Session:
    """Plays one passage after another. The methods that write return an iterator of events; leaving it early keeps what
    was written. ``set`` and ``stop`` may be called from another thread while one runs: the next token obeys.
    """

    def __init__(self, model: Model, settings: Settings | None = None, opener: Callable[[str], Model] = load) -> None:
        self.model = model
        self.settings = settings or model.settings
        self.passage = self._empty()
        self.companion: Companion | None = None
        self._opener = opener
        self._stream: Stream | None = None
        self._sweep: Sweep | None = None
        self._stopping = False

    @property
    def playing(self) -> bool:
        """Whether text is being written right now."""
        return self._stream is not None

    @property
    def temperature(self) -> float:
        """The T that the next token is drawn at, on a ramp the one it has reached."""
        progress = self._stream.written / self.settings.length if self._stream else 0.0
        return self.settings.temperature_at(progress)

    def set(self, name: str, value: Any) -> None:
        """Change a setting, for the text that is being written too; raises SettingError."""
        self.take_settings(self.settings.changed(**{spec_of(name).name: value}))

    def take_settings(self, settings: Settings) -> None:
        """Change all settings at once, for the text that is being written too."""
        self.settings, self.passage.settings = settings, settings.of_passage()

    def default(self, name: str) -> Any:
        """What ``reset`` goes back to: the model's own value."""
        return getattr(self.model.settings, spec_of(name).name)

    def stop(self) -> None:
        """End the text that is being written before its next token; what is there stays. A seed that is still being
        read is dropped.
        """
        self._stopping = True
        for writing in (self._stream, self._sweep):
            if writing:
                writing.stop()

    def new(self) -> None:
        """Put the passage away and begin an empty one."""
        self.passage = self._empty()

    def switch(self, name: str) -> None:
        """Play another model from now on, in a new passage; raises ModelError and changes nothing where it cannot."""
        model = self._opener(name)
        before, self.model = self.model, model
        now = {name: getattr(self.settings, name) for name in SPECS}
        changed = {name: value for name, value in now.items() if value != getattr(before.settings, name)}
        self.settings = model.settings.changed(**changed)
        self.new()

    def say(self, seed: str) -> Iterator[Event]:
        """Begin a passage with ``seed`` and write on; with memory on the seed joins the text before it instead."""
        self._require_silence()
        joins = self.settings.memory and self.passage.cursor is not None
        behind = self.here() if joins else None
        reading = yield from self._reading(seed, behind)
        if not joins:
            self.passage = self._empty()
        at = len(self.passage.current().tokens) if joins else 0
        take = self.passage.current().take if joins else 0
        node = Node(self.passage.cursor, at, seed, take=take)
        node.start = reading.snapshot
        self.passage.add(node)
        yield from map(Notice, reading.notices)
        yield from self.go_on()

    def _reading(self, seed: str, behind: Snapshot | None) -> Generator[Event, None, Reading]:
        """Read a seed, telling how far that is; raises CommandError where somebody stopped it."""
        pieces, self._stopping = self.model.reading(seed, behind, self.settings.whole_seed), False
        while True:
            try:
                yield Progress(next(pieces))
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            if self._stopping:
                raise CommandError("stopped before the seed was read; the text is as it was")

    def go_on(self) -> Iterator[Event]:
        """Write on from where the reader stands."""
        here = self.here()
        cursor = self.passage.cursor
        assert cursor is not None
        at = len(self.passage.nodes[cursor].tokens)
        return self._write(Node(cursor, at, take=self.passage.next_take(cursor, at)), here)

    def retry(self) -> Iterator[Event]:
        """Write the last text anew with other dice; the old version stays in the tree."""
        node = self.passage.current()
        if node.parent is None or node.seed is not None:
            return self.go_on()
        self._require_silence()
        here = self.state_at(node.parent, node.at)
        self.passage.cursor = node.parent
        return self._write(Node(node.parent, node.at, take=self.passage.next_take(node.parent, node.at)), here)

    def branch(self, at: int, token: int | None = None) -> Iterator[Event]:
        """Keep the first ``at`` tokens of the last text, take ``token`` (its id; None draws one), and write on."""
        node = self.passage.current()
        if self.passage.cursor is None or not 0 <= at <= len(node.tokens):
            raise CommandError(f"the last text has {len(node.tokens)} tokens: branch at 0 to {len(node.tokens)}")
        return self._branch(self.passage.cursor, at, token)

    def turn(self, count: int, token: int | None = None) -> Iterator[Event]:
        """Keep the first ``count`` written tokens of the whole text, take ``token`` (None draws one), and write on."""
        self._require_silence()
        return self._branch(*self.passage.locate(count), token)

    def rewrite(self, text: str) -> Iterator[Event]:
        """Have ``text`` instead of the text: what is the same from its beginning on stays, the rest is read like a
        seed, and the model writes on. The old text stays in the tree.
        """
        self._require_silence()
        self.passage.current()
        same = len(commonprefix([self.passage.text(), text]))  # noqa: RUF071
        index, at, covered = self.passage.kept(same)
        behind = None if index is None else self.state_at(index, at)
        reading = self.model.read(text[covered:], behind, whole=self.settings.whole_seed)
        node = Node(index, at, text[covered:], take=self.passage.current().take)
        node.start = reading.snapshot
        self.passage.add(node)
        return chain(map(Notice, reading.notices), self.go_on())

    def go(self, number: int) -> None:
        """Stand on a node of the tree; raises CommandError where there is none of that number."""
        self._require_silence()
        if number >= len(self.passage.nodes):
            raise CommandError(f"the tree has {len(self.passage.nodes)} places, from 0 on; /tree shows them")
        self.passage.move(number)

    def version(self, step: int) -> Iterator[Event] | None:
        """Stand on the next (1) or the previous (-1) version of the last text; behind the last one another is written.

        Raises CommandError where there is none before.
        """
        self._require_silence()
        self.passage.current()
        versions = self.passage.versions()
        place = versions.index(self.passage.cursor or 0) + step
        if place < 0:
            raise CommandError("this is the first version")
        if place >= len(versions):
            return self.retry()
        self.passage.move(versions[place])
        return None

    def sweep(self, temperatures: Sequence[float]) -> Sweep:
        """The seed of the passage with the dice of its first take, at several temperatures."""
        self._require_silence()
        self.passage.current()
        root = self.passage.root()
        start, seed = self.state_at(root, 0), self.passage.nodes[root].seed or ""
        self._sweep = Sweep(self.model.engine(), seed, start, self.settings, self.passage.rng, temperatures)
        return self._sweep

    def pick(self, sweep: Sweep, number: int) -> None:
        """Go on with a column of a sweep: it becomes a version of the passage's first text, its T the one set now."""
        column = sweep.columns[number]
        node = Node(self.passage.root(), 0, tokens=column.tokens, tail=column.tail, reason=column.reason or "stopped")
        node.start, node.snapshots = sweep.start, column.stream.snapshots
        node.filters = [(0, column.stream.settings.filters())]
        self.passage.add(node)
        self.set("temperature", column.temperature)

    def look(self, count: int | None = None) -> Look | None:
        """What there was to choose from behind the first ``count`` written tokens; None looks at what comes next.

        The shaped chances are those at the T and behind the filters that drew the token that came there; where none
        did, or nobody kept the filters, those set now. None where there is no text.
        """
        if count is None and self._stream:
            return look(self._stream.as_if(self.settings), self.temperature, self.model.text_of)
        return look_into(self.model, self.passage, self.settings, count)

    def adopt(self, passage: Passage) -> str | None:
        """Go on with a passage from elsewhere; the answer says what became of one that another model wrote.

        Its text is read again. Its tree is kept where its tokens mean the same to this model, else only the text is.
        What was set when it was left is set again, as far as it acts on this passage or shows it.
        """
        kept = passage.settings or self.settings
        told = self._adopted(passage)
        if told is None:
            take_kept(self.model, passage)
        self.take_settings(kept.changed(rng=self.settings.rng, autosave=self.settings.autosave))
        return told

    def _adopted(self, passage: Passage) -> str | None:
        self.passage = passage
        tokenizer = self.model.tokenizer
        if passage.model_sha256 == self.model.file.sha256 and all(n.known_to(tokenizer) for n in passage.nodes):
            return None
        told = f"this passage was written with another model, {passage.model}: {self.model.name} reads it again"
        if not all(node.means_the_same_to(tokenizer) for node in passage.nodes):
            self.passage = Passage(self.model.name, self.model.file.sha256, passage.rng)
            self.passage.add(Node(None, seed=passage.text()))
            return f"{told}, as one seed"
        passage.model, passage.model_sha256 = self.model.name, self.model.file.sha256
        return told

    def here(self) -> Snapshot:
        """The state behind the text; raises CommandError in an empty passage."""
        node = self.passage.current()
        assert self.passage.cursor is not None
        return self.state_at(self.passage.cursor, len(node.tokens))

    def state_at(self, index: int, at: int) -> Snapshot:
        """The state behind the first ``at`` tokens of a node: a kept one, stepped on by at most 127 tokens."""
        return state_at(self.model, self.passage, index, at, self.settings.whole_seed)

    def next_logprobs(self) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
        """The model's log-probabilities (V,) for the next token here and now; None where there is no text."""
        stream = self._stream
        if stream is None and self.passage.cursor is None:
            return None
        logits = stream.logits if stream else self.here().logits
        return np.asarray(log_softmax(logits[None].astype(np.float64))[0])

    def _write(self, node: Node, start: Snapshot, forced: int | None = None) -> Iterator[Event]:
        """Hang ``node`` into the passage and fill it as events go by, beginning when the first is asked for."""
        self._require_silence()
        engine = self.model.engine()
        stream = engine.open(start, self.settings, Dice(self.passage.rng, node.take), forced)
        self.passage.add(node)
        self._stream, node.start, node.snapshots = stream, start, stream.snapshots
        try:
            for event in written(engine, stream, node, lambda: self.settings):
                if isinstance(event, Done):
                    self._stream = None
                yield event
        finally:
            stream.stop()
            self._stream = None

    def _branch(self, index: int, at: int, token: int | None) -> Iterator[Event]:
        if token is not None and not 0 <= token < self.model.tokenizer.size:
            raise CommandError(f"there is no token {token}: ids are 0 to {self.model.tokenizer.size - 1}")
        here = self.state_at(index, at)
        return self._write(Node(index, at, take=self.passage.next_take(index, at)), here, token)

    def _require_silence(self) -> None:
        if self._stream:
            raise CommandError("text is being written; stop it first")

    def _empty(self) -> Passage:
        rng = self.settings.rng
        dice = fresh_rng() if rng is None else rng
        return Passage(self.model.name, self.model.file.sha256, dice, settings=self.settings.of_passage())


def written(engine: Engine, stream: Stream, node: Node, settings: Callable[[], Settings]) -> Iterator[Event]:
    """The events of a stream, which fill a node as they go by. Each token is drawn with what ``settings`` gives when it
    is asked for, and the node keeps which filters drew it. Leaving early keeps what was written.
    """
    now, events = None, engine.play(stream)
    while True:
        if (latest := settings()) is not now:
            now = stream.settings = latest
            node.filter(now.filters())
        event = next(events, None)
        if event is None:
            return
        if isinstance(event, Token):
            node.tokens.append(event)
        elif isinstance(event, Done):
            node.tail, node.reason = event.text, event.reason
        yield event
