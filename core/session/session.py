"""A session: a model, its settings, the current passage, and everything that can be done with them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from time import perf_counter
from typing import Any, TypeVar

from ..errors import CommandError
from ..events import Done, Event, Notice, PrefillProgress
from ..generation.snapshot import Snapshot
from ..generation.stream import Stream, StreamOptions
from ..generation.sweep import Sweep
from ..model import Model, load
from ..sampling.rng import PositionRNG, random_rng_seed
from ..settings import NO_DEFAULTS, NOT_OF_PASSAGES, SPECS, Settings, get_spec, merge_layers
from .listener import Listener
from .model_settings import fit_settings, require_fitting
from .node import Node
from .observer import SessionObserver
from .passage import Passage
from .recording import ModelTime, node_of_column, record_events
from .replay import adopt_passage, restore_snapshots, rewrite_end, snapshot_at
from .stored_passage import Deletion, StoredPassage

T = TypeVar("T")


class Session:
    """Holds a model, its settings and the current passage, and continues the text.

    The methods that write return an iterator of events. If it is closed early, the tokens so far are kept. ``set`` and
    ``stop`` may be called from another thread meanwhile; they act on the next token.
    """

    def __init__(
        self,
        model: Model,
        settings: Settings | None = None,
        load_model: Callable[[str], Model] = load,
        front_end_defaults: Mapping[str, object] = NO_DEFAULTS,
    ) -> None:
        self.model = model
        self._front_end_defaults = front_end_defaults
        self.settings = settings or self.defaults
        self.passage = self._empty_passage()
        self.observer: SessionObserver | None = None
        self.listener = Listener()
        self.pinned: frozenset[str] = frozenset()  # names of settings that the next opened passage does not restore
        self.key_lists: dict[str, list[tuple[str, str]]] = {}  # the front end's keys by title, for /help
        self.told = set[str]()  # names of notes that are shown once
        self.found_cells: dict[str, list[tuple[str, str]]] = {}  # /cells' rows, by the model's hash
        self.deletions: list[Deletion] = []  # that can be undone, the latest last
        self._load_model = load_model
        self._stream: Stream | None = None
        self._timed: tuple[Node, ModelTime] | None = None  # the text that was written last
        self.latest_sweep: Sweep | None = None
        self._stopping = False

    @property
    def stream(self) -> Stream | None:
        """The stream that is being written. None while nothing is written."""
        return self._stream

    @property
    def playing(self) -> bool:
        """True while text is being written."""
        return self._stream is not None

    @property
    def temperature(self) -> float:
        """Temperature of the next token; on a ramp, the value reached."""
        progress = self._stream.written_chars / self.settings.length if self._stream else 0.0
        return self.settings.temperature_at(progress)

    def set(self, name: str, value: Any) -> None:
        """Change a setting, also for the text being written. Raises SettingError if the name or value is invalid."""
        self.set_all(self.settings.changed(**{get_spec(name).name: value}))

    def set_all(self, settings: Settings) -> None:
        """Change all settings at once, also for the text being written.

        Raises UsageError, and changes nothing, if a new style, ban, bias or heat does not fit the model.
        """
        require_fitting(self.model, settings, self.settings)
        self._take_settings(settings)

    def _take_settings(self, settings: Settings) -> None:
        self.settings = settings
        self.passage.settings = settings.for_passage()

    @property
    def defaults(self) -> Settings:
        """The settings if none is set: the front end's defaults, and those in the model's card, which win."""
        return merge_layers(self._front_end_defaults, self.model.file.card.settings)

    def default_of(self, name: str) -> Any:
        """Return the default of a setting, the value that ``reset`` restores."""
        return getattr(self.defaults, get_spec(name).name)

    def summary(self) -> str:
        """Return the line under the text at the cursor, with the time that the model took if ``verbose`` is set."""
        node, parts = self.passage.current(), [self.passage.summary(), self.listener.summary(self.model)]
        if self.settings.verbose and self._timed and self._timed[0] is node:
            parts.append(self._timed[1].describe(len(node.text())))
        return " · ".join(filter(None, parts))

    def stop(self) -> None:
        """End the text being written before its next token; its tokens are kept. A seed still being read is dropped."""
        self._stopping = True
        for writing in (self._stream, self.latest_sweep):
            if writing:
                writing.stop()

    def new_passage(self) -> None:
        """Begin an empty passage, with what the model has learned meanwhile, if there is a listener that learns."""
        self._begin_passage(self.listener.next_model(self.model))

    def switch_model(self, name: str) -> str:
        """Continue with another model, in a new passage. Return a notice about a style or unit that it lacks, or "".

        Settings that differ from the old model's defaults are kept. If it cannot be loaded, raise ModelError.
        """
        model = self._load_model(name)
        defaults = self.defaults
        changed = {n: value for n in SPECS if (value := getattr(self.settings, n)) != getattr(defaults, n)}
        self.model = model
        self.settings, lost = fit_settings(model, self.defaults.changed(**changed))
        self.new_passage()
        return lost

    def write_from(self, seed: str, notes: Iterable[str] = ()) -> Iterator[Event]:
        """Begin a passage with ``seed`` and continue it. If ``memory`` is set, append the seed to the text instead.

        ``notes`` come before the text.
        """
        self._require_idle()
        appends = self.settings.memory and self.passage.cursor is not None
        at = self.passage.current().shown_count if appends else 0
        before = self.snapshot_at(self.passage.end()[0], at) if appends else None
        time = ModelTime()
        model = self.model if appends else self.listener.next_model(self.model)
        chunks = model.prefill_chunks(seed, before, self.settings.whole_seed)
        prefill = yield from self.read_stoppable(time.measure_reading(chunks))
        self.listener.hear(seed, model, self.passage)
        if not appends:
            self._begin_passage(model)
        take = self.passage.current().take if appends else 0
        self.passage.add(Node(self.passage.cursor, at, seed, take=take, start=prefill.snapshot))
        yield from map(Notice, chain(prefill.notices, notes))
        yield from self._write_at(*self.passage.end(), time=time)

    def read_stoppable(self, chunks: Generator[float, None, T]) -> Generator[Event, None, T]:
        """Yield the progress of reading a text, return the result. Raises CommandError if it is stopped."""
        self._stopping = False
        while True:
            try:
                yield PrefillProgress(next(chunks))
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            if self._stopping:
                raise CommandError("stopped before all was read; the text is as it was")

    def continue_(self) -> Iterator[Event]:
        """Continue the text from its end. Raises CommandError in an empty passage."""
        return self._write_at(*self.passage.end())

    def retry(self) -> Iterator[Event]:
        """Write the last text again with another RNG take, or continue a seed. The old version stays in the tree."""
        node = self.passage.current()
        if node.parent is None or node.seed is not None:
            return self.continue_()
        self._require_idle()
        events = self._write_at(node.parent, node.at)
        self.passage.cursor = node.parent
        return events

    def branch(self, count: int, token: int | None = None) -> Iterator[Event]:
        """Continue after the first ``count`` generated tokens of the text, with the token id ``token`` first.

        If that is None, the first token is drawn too. Raises CommandError if the text has fewer tokens, or if there is
        no such id.
        """
        self._require_idle()
        index, at = self.passage.locate_token(count)
        if token is not None and not 0 <= token < self.model.tokenizer.size:
            raise CommandError(f"there is no token {token}; ids are 0 to {self.model.tokenizer.size - 1}")
        return self._write_at(index, at, token)

    def rewrite(self, text: str) -> Iterator[Event]:
        """Replace the text by ``text`` and continue it. The old text stays in the tree."""
        self._require_idle()
        self.listener.hear(text, self.model, self.passage)
        node, notices = rewrite_end(self.model, self.passage, text, self.settings.whole_seed)
        self.passage.add(node)
        return chain(map(Notice, notices), self.continue_())

    def go_to(self, number: int) -> None:
        """Move the cursor to a node of the tree. Raises CommandError if there is none of this number."""
        self._require_idle()
        if number >= len(self.passage.nodes):
            raise CommandError(f"the tree has only {len(self.passage.nodes)} nodes, numbered from 0; /tree lists them")
        self.passage.move_to(number)

    def switch_version(self, step: int) -> Iterator[Event] | None:
        """Move the cursor to the next (1) or previous (-1) version of the last text, and return None.

        After the last version, return the events of another one. Raises CommandError before the first.
        """
        self._require_idle()
        version = self.passage.version_beside(step)
        if version is None:
            return self.retry()
        self.passage.move_to(version)
        return None

    def sweep(self, values: Sequence[object], blind: bool = False, setting: str = "temperature") -> Sweep:
        """Return a sweep: the passage's first seed, continued with several values of a setting and one RNG take."""
        self._require_idle()
        root, engine = self.passage.root(), self.model.engine()
        seed, start = self.passage.nodes[root].seed or "", self.snapshot_at(root, 0)
        self.latest_sweep = Sweep(engine, seed, start, self.settings, self.passage.rng, setting, values, blind)
        return self.latest_sweep

    def pick(self, sweep: Sweep, number: int) -> None:
        """Add column ``number`` of a sweep as a version of the passage's first text, and take its value."""
        self.passage.add(node_of_column(self.passage.root(), sweep.columns[number]))
        self.set(sweep.setting, sweep.value(number))

    def load_passage(self, stored: StoredPassage) -> str | None:
        """Continue with a loaded passage. Return a notice if another model reads it again, or lacks its style.

        Restores the settings that the passage was left with, except those of ``NOT_OF_PASSAGES`` and the pinned ones.
        """
        settings = stored.passage.settings or self.settings
        self.listener.leave(self.passage)
        self.model = self.listener.recall(self.model, stored.passage.model_sha256)
        passage, notice = adopt_passage(self.model, stored.passage)
        if notice is None:
            restore_snapshots(self.model, passage, stored.snapshots)
        self.passage = passage
        kept = self.pinned.union(NOT_OF_PASSAGES)
        settings = settings.changed(**{name: getattr(self.settings, name) for name in kept})
        fitted, lost = fit_settings(self.model, settings)
        self._take_settings(fitted)
        self.pinned = frozenset()
        return "; ".join(filter(None, (notice, lost))) or None

    def current_snapshot(self) -> Snapshot:
        """Return the snapshot at the end of the text. Raises CommandError in an empty passage."""
        return self.snapshot_at(*self.passage.end())

    def snapshot_at(self, index: int, at: int) -> Snapshot:
        """Return the snapshot after the first ``at`` tokens of a node, from the nearest earlier one that was saved."""
        return snapshot_at(self.model, self.passage, index, at, self.settings.whole_seed)

    def _write_at(
        self, index: int, at: int, forced_token: int | None = None, time: ModelTime | None = None
    ) -> Iterator[Event]:
        """Write a new text after the first ``at`` tokens of a node. ``time`` is what it took so far."""
        time = time or ModelTime()
        began = perf_counter()
        start = self.snapshot_at(index, at)
        time.reading += perf_counter() - began
        node = Node(index, at, take=self.passage.next_free_take(index, at), start=start)
        return self._write(node, start, forced_token, time)

    def _write(self, node: Node, start: Snapshot, forced_token: int | None, time: ModelTime) -> Iterator[Event]:
        """Add ``node`` to the passage when the first event is requested, and fill it with the tokens of the stream."""
        self._require_idle()
        engine = self.model.engine()
        rng = PositionRNG(self.passage.rng, node.take)
        stream = engine.open(start, StreamOptions(self.settings, rng, forced_token))
        self.passage.add(node)
        self._stream, self._timed = stream, (node, time)
        node.snapshots = stream.snapshots
        try:
            for event in record_events(engine, stream, node, lambda: self.settings, time):
                if isinstance(event, Done):
                    self._stream = None
                yield event
        finally:
            stream.stop()
            self._stream = None

    def _require_idle(self) -> None:
        """Raise CommandError if text is being written."""
        if self._stream:
            raise CommandError("text is being written; stop it first")

    def _begin_passage(self, model: Model) -> None:
        self.listener.leave(self.passage)
        self.model = model
        self.passage = self._empty_passage()

    def _empty_passage(self) -> Passage:
        rng = random_rng_seed() if self.settings.rng is None else self.settings.rng
        return Passage(self.model.name, self.model.file.sha256, rng, settings=self.settings.for_passage())
