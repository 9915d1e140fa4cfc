"""Steps all live streams at once, a token each. Streams join and leave between two steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .dice import Dice
from .events import Event
from .runtime import Logits, Runtime, State, joined, selected
from .sampler import draw_tokens
from .settings import Settings
from .stream import SNAPSHOT_EVERY, Snapshot, Stream
from .tokenizer import Tokenizer


class Engine:
    """Runs streams over one model. It belongs to the thread that iterates; ``Stream.stop`` may be called from any."""

    def __init__(self, runtime: Runtime, tokenizer: Tokenizer) -> None:
        self._runtime, self._tokenizer = runtime, tokenizer
        self._live: list[Stream] = []
        self._state: State = runtime.zeros(0)
        self._logits: Logits = np.empty((0, tokenizer.size), np.float32)

    def open(self, start: Snapshot, settings: Settings, dice: Dice, forced: int | None = None) -> Stream:
        """Let a stream join behind ``start``. ``forced`` is a token that it takes first, without a draw."""
        stream = Stream(self._tokenizer, start, settings, dice)
        stream.forced = forced
        self._live.append(stream)
        self._state = joined([self._state, start.state])
        self._logits = np.concatenate([self._logits, start.logits[None]])
        return stream

    def play(self, stream: Stream) -> Iterator[Event]:
        """The events of one stream, as they come; the others step along and keep theirs."""
        while stream.events or not stream.ended:
            if not stream.events:
                self.step()
            while stream.events:
                yield stream.events.popleft()

    def step(self) -> None:
        """Draw a token for every live stream and read it."""
        for stream in self._live:
            if stream.stopping:
                stream.end("stopped")
        self._retire()
        if self._live:
            ids = self._draw()
            self._logits, self._state = self._runtime.step(ids, self._state)
            self._keep_snapshots()
            self._retire()

    def _draw(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        live = self._live
        # Asked once: another thread may turn the temperature at any moment, and a token tells the one that drew it.
        temperatures = [s.temperature for s in live]
        drawn = draw_tokens(
            self._logits,
            [s.settings for s in live],
            temperatures,
            [s.recent for s in live],
            [s.dice.uniform(s.position) for s in live],
            [s.forced for s in live],
        )
        rows = zip(*(column.tolist() for column in drawn), temperatures, strict=True)
        for stream, values in zip(live, rows, strict=True):
            stream.forced = None
            stream.accept(*values)
        return drawn.ids

    def _keep_snapshots(self) -> None:
        for row, stream in enumerate(self._live):
            stream.logits = self._logits[row]
            if stream.ended or stream.position % SNAPSHOT_EVERY == 0:
                self._keep_snapshot(row, stream)

    def _keep_snapshot(self, row: int, stream: Stream) -> None:
        state = selected(self._state, [row])
        stream.snapshots[stream.position] = stream.snapshot(state, self._logits[row].copy())

    def _retire(self) -> None:
        """Let ended streams leave, each with a snapshot of where it ended."""
        staying = [row for row, stream in enumerate(self._live) if not stream.ended]
        if len(staying) == len(self._live):
            return
        for row, stream in enumerate(self._live):
            if stream.ended and stream.position not in stream.snapshots:
                self._keep_snapshot(row, stream)
        self._live = [self._live[row] for row in staying]
        self._state, self._logits = selected(self._state, staying), self._logits[staying]
