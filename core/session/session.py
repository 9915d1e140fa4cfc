"""A person at a model: settings, the passage in hand, and what can be done with it. Knows no face."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import chain
from os.path import commonprefix
from typing import Any, Protocol

import numpy as np

from ..errors import CommandError
from ..events import Done, Event, Notice, PrefillProgress, Token
from ..generation.engine import Engine
from ..generation.snapshot import Snapshot
from ..generation.stream import Stream, StreamOptions
from ..generation.sweep import Sweep
from ..model import Model, Prefill, load
from ..sampling.filters import log_softmax
from ..sampling.rng import PositionRNG, random_rng_seed
from ..settings import SPECS, Settings, get_spec
from .lens import Inspection, inspect_passage, inspect_stream
from .passage import Node, Passage
from .replay import restore_snapshots, snapshot_at


class SessionObserver(Protocol):
    """Somebody who looks over the player's shoulder, as the guided tour does; a session has one at most."""

    def before_command(self, command: str) -> None:
        """A line is about to be done: a command's name, or "" for a seed or an empty line."""
        ...

    def after_command(self, session: Session) -> Iterator[Any]:
        """Effects to show now that a line is done."""
        ...


class Session:
    """Plays one passage after another. The methods that write return an iterator of events; leaving it early keeps what
    was written. ``set`` and ``stop`` may be called from another thread while one runs: the next token obeys.
    """

    def __init__(
        self, model: Model, settings: Settings | None = None, load_model: Callable[[str], Model] = load
    ) -> None:
        self.model = model
        self.settings = settings or model.settings
        self.passage = self._empty_passage()
        self.observer: SessionObserver | None = None
        self._load_model = load_model
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
        progress = self._stream.written_chars / self.settings.length if self._stream else 0.0
        return self.settings.temperature_at(progress)

    def set(self, name: str, value: Any) -> None:
        """Change a setting, for the text that is being written too; raises SettingError."""
        self.set_all(self.settings.changed(**{get_spec(name).name: value}))

    def set_all(self, settings: Settings) -> None:
        """Change all settings at once, for the text that is being written too."""
        self.settings, self.passage.settings = settings, settings.for_passage()

    def default_of(self, name: str) -> Any:
        """What ``reset`` goes back to: the model's own value."""
        return getattr(self.model.settings, get_spec(name).name)

    def stop(self) -> None:
        """End the text that is being written before its next token; what is there stays. A seed that is still being
        read is dropped.
        """
        self._stopping = True
        for writing in (self._stream, self._sweep):
            if writing:
                writing.stop()

    def new_passage(self) -> None:
        """Put the passage away and begin an empty one."""
        self.passage = self._empty_passage()

    def switch_model(self, name: str) -> None:
        """Play another model from now on, in a new passage; raises ModelError and changes nothing where it cannot."""
        model = self._load_model(name)
        before, self.model = self.model, model
        now = {name: getattr(self.settings, name) for name in SPECS}
        changed = {name: value for name, value in now.items() if value != getattr(before.settings, name)}
        self.settings = model.settings.changed(**changed)
        self.new_passage()

    def prompt(self, seed: str) -> Iterator[Event]:
        """Begin a passage with ``seed`` and write on; with memory on the seed joins the text before it instead."""
        self._require_idle()
        joins = self.settings.memory and self.passage.cursor is not None
        behind = self.current_snapshot() if joins else None
        reading = yield from self._read_seed(seed, behind)
        if not joins:
            self.passage = self._empty_passage()
        at = len(self.passage.current().tokens) if joins else 0
        take = self.passage.current().take if joins else 0
        node = Node(self.passage.cursor, at, seed, take=take)
        node.start = reading.snapshot
        self.passage.add(node)
        yield from map(Notice, reading.notices)
        yield from self.continue_()

    def _read_seed(self, seed: str, after: Snapshot | None) -> Generator[Event, None, Prefill]:
        """Read a seed, telling how far that is; raises CommandError where somebody stopped it."""
        pieces, self._stopping = self.model.prefill_chunks(seed, after, self.settings.whole_seed), False
        while True:
            try:
                yield PrefillProgress(next(pieces))
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            if self._stopping:
                raise CommandError("stopped before the seed was read; the text is as it was")

    def continue_(self) -> Iterator[Event]:
        """Write on from where the reader stands."""
        here = self.current_snapshot()
        cursor = self.passage.cursor
        assert cursor is not None
        at = len(self.passage.nodes[cursor].tokens)
        return self._write(Node(cursor, at, take=self.passage.next_free_take(cursor, at)), here)

    def retry(self) -> Iterator[Event]:
        """Write the last text anew with other dice; the old version stays in the tree."""
        node = self.passage.current()
        if node.parent is None or node.seed is not None:
            return self.continue_()
        self._require_idle()
        here = self.snapshot_at(node.parent, node.at)
        self.passage.cursor = node.parent
        return self._write(Node(node.parent, node.at, take=self.passage.next_free_take(node.parent, node.at)), here)

    def branch(self, at: int, token: int | None = None) -> Iterator[Event]:
        """Keep the first ``at`` tokens of the last text, take ``token`` (its id; None draws one), and write on."""
        node = self.passage.current()
        if self.passage.cursor is None or not 0 <= at <= len(node.tokens):
            raise CommandError(f"the last text has {len(node.tokens)} tokens: branch at 0 to {len(node.tokens)}")
        return self._write_branch(self.passage.cursor, at, token)

    def branch_at(self, count: int, token: int | None = None) -> Iterator[Event]:
        """Keep the first ``count`` written tokens of the whole text, take ``token`` (None draws one), and write on."""
        self._require_idle()
        return self._write_branch(*self.passage.locate_token(count), token)

    def rewrite(self, text: str) -> Iterator[Event]:
        """Have ``text`` instead of the text: what is the same from its beginning on stays, the rest is read like a
        seed, and the model writes on. The old text stays in the tree.
        """
        self._require_idle()
        self.passage.current()
        same = len(commonprefix([self.passage.text(), text]))  # noqa: RUF071
        index, at, covered = self.passage.locate_characters(same)
        behind = None if index is None else self.snapshot_at(index, at)
        reading = self.model.read(text[covered:], behind, whole=self.settings.whole_seed)
        node = Node(index, at, text[covered:], take=self.passage.current().take)
        node.start = reading.snapshot
        self.passage.add(node)
        return chain(map(Notice, reading.notices), self.continue_())

    def go_to(self, number: int) -> None:
        """Stand on a node of the tree; raises CommandError where there is none of that number."""
        self._require_idle()
        if number >= len(self.passage.nodes):
            raise CommandError(f"the tree has {len(self.passage.nodes)} places, from 0 on; /tree shows them")
        self.passage.move_to(number)

    def switch_version(self, step: int) -> Iterator[Event] | None:
        """Stand on the next (1) or the previous (-1) version of the last text; behind the last one another is written.

        Raises CommandError where there is none before.
        """
        self._require_idle()
        self.passage.current()
        versions = self.passage.versions()
        place = versions.index(self.passage.cursor or 0) + step
        if place < 0:
            raise CommandError("this is the first version")
        if place >= len(versions):
            return self.retry()
        self.passage.move_to(versions[place])
        return None

    def sweep(self, temperatures: Sequence[float]) -> Sweep:
        """The seed of the passage with the dice of its first take, at several temperatures."""
        self._require_idle()
        self.passage.current()
        root = self.passage.root()
        start, seed = self.snapshot_at(root, 0), self.passage.nodes[root].seed or ""
        self._sweep = Sweep(self.model.engine(), seed, start, self.settings, self.passage.rng, temperatures)
        return self._sweep

    def pick(self, sweep: Sweep, number: int) -> None:
        """Go on with a column of a sweep: it becomes a version of the passage's first text, its T the one set now."""
        column = sweep.columns[number]
        node = Node(self.passage.root(), 0, tokens=column.tokens, tail=column.tail, reason=column.reason or "stopped")
        node.start, node.snapshots = sweep.start, column.stream.snapshots
        node.filters = [(0, column.stream.settings.filters_only())]
        self.passage.add(node)
        self.set("temperature", column.temperature)

    def inspect(self, count: int | None = None) -> Inspection | None:
        """What there was to choose from behind the first ``count`` written tokens; None looks at what comes next.

        The shaped chances are those at the T and behind the filters that drew the token that came there; where none
        did, or nobody kept the filters, those set now. None where there is no text.
        """
        if count is None and self._stream:
            return inspect_stream(self._stream.with_settings(self.settings), self.temperature, self.model.token_text)
        return inspect_passage(self.model, self.passage, self.settings, count)

    def load_passage(self, passage: Passage) -> str | None:
        """Go on with a passage from elsewhere; the answer says what became of one that another model wrote.

        Its text is read again. Its tree is kept where its tokens mean the same to this model, else only the text is.
        What was set when it was left is set again, as far as it acts on this passage or shows it.
        """
        kept = passage.settings or self.settings
        notice = self._convert_passage(passage)
        if notice is None:
            restore_snapshots(self.model, passage)
        self.set_all(kept.changed(rng=self.settings.rng, autosave=self.settings.autosave))
        return notice

    def _convert_passage(self, passage: Passage) -> str | None:
        self.passage = passage
        tokenizer = self.model.tokenizer
        if passage.model_sha256 == self.model.file.sha256 and all(n.tokens_in_vocab(tokenizer) for n in passage.nodes):
            return None
        notice = f"this passage was written with another model, {passage.model}: {self.model.name} reads it again"
        if not all(node.decodes_to_same_text(tokenizer) for node in passage.nodes):
            self.passage = Passage(self.model.name, self.model.file.sha256, passage.rng)
            self.passage.add(Node(None, seed=passage.text()))
            return f"{notice}, as one seed"
        passage.model, passage.model_sha256 = self.model.name, self.model.file.sha256
        return notice

    def current_snapshot(self) -> Snapshot:
        """The state behind the text; raises CommandError in an empty passage."""
        node = self.passage.current()
        assert self.passage.cursor is not None
        return self.snapshot_at(self.passage.cursor, len(node.tokens))

    def snapshot_at(self, index: int, at: int) -> Snapshot:
        """The state behind the first ``at`` tokens of a node: a kept one, stepped on by at most 127 tokens."""
        return snapshot_at(self.model, self.passage, index, at, self.settings.whole_seed)

    def next_logprobs(self) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
        """The model's log-probabilities (V,) for the next token here and now; None where there is no text."""
        stream = self._stream
        if stream is None and self.passage.cursor is None:
            return None
        logits = stream.logits if stream else self.current_snapshot().logits
        return np.asarray(log_softmax(logits[None].astype(np.float64))[0])

    def _write(self, node: Node, start: Snapshot, forced_token: int | None = None) -> Iterator[Event]:
        """Hang ``node`` into the passage and fill it as events go by, beginning when the first is asked for."""
        self._require_idle()
        engine = self.model.engine()
        rng = PositionRNG(self.passage.rng, node.take)
        stream = engine.open(start, StreamOptions(self.settings, rng, forced_token))
        self.passage.add(node)
        self._stream, node.start, node.snapshots = stream, start, stream.snapshots
        try:
            for event in record_events(engine, stream, node, lambda: self.settings):
                if isinstance(event, Done):
                    self._stream = None
                yield event
        finally:
            stream.stop()
            self._stream = None

    def _write_branch(self, index: int, at: int, token: int | None) -> Iterator[Event]:
        if token is not None and not 0 <= token < self.model.tokenizer.size:
            raise CommandError(f"there is no token {token}: ids are 0 to {self.model.tokenizer.size - 1}")
        here = self.snapshot_at(index, at)
        return self._write(Node(index, at, take=self.passage.next_free_take(index, at)), here, token)

    def _require_idle(self) -> None:
        if self._stream:
            raise CommandError("text is being written; stop it first")

    def _empty_passage(self) -> Passage:
        rng = self.settings.rng
        dice = random_rng_seed() if rng is None else rng
        return Passage(self.model.name, self.model.file.sha256, dice, settings=self.settings.for_passage())


def record_events(engine: Engine, stream: Stream, node: Node, get_settings: Callable[[], Settings]) -> Iterator[Event]:
    """The events of a stream, which fill a node as they go by. Each token is drawn with what ``settings`` gives when it
    is asked for, and the node keeps which filters drew it. Leaving early keeps what was written.
    """
    now, events = None, engine.iter_events(stream)
    while True:
        if (latest := get_settings()) is not now:
            now = stream.settings = latest
            node.record_filters(now.filters_only())
        event = next(events, None)
        if event is None:
            return
        if isinstance(event, Token):
            node.tokens.append(event)
        elif isinstance(event, Done):
            node.tail, node.reason = event.text, event.reason
        yield event
