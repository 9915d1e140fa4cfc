"""Steps all live streams at once. Streams join and leave between two steps; each row's text is its own, bit for bit."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np

from .batch import Batch
from .dice import Dice
from .draws import Draws
from .events import Event
from .filters import Array
from .runtime import Runtime
from .sampler import Chain, pick
from .settings import Settings
from .snapshot import Snapshot
from .stream import SNAPSHOT_EVERY, Stream
from .tokenizer import Tokenizer

BURST = 64
"""Tokens, over all rows, that are drawn before they are told of: telling of many costs little more than of one."""


class Engine:
    """Runs streams over one model. It belongs to the thread that steps it; ``wake`` and ``Stream.stop`` may be called
    from any. A stream is stepped while fewer than ``ahead`` of its events wait to be read, so a slow reader slows
    nobody but itself.
    """

    def __init__(self, runtime: Runtime, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._batch = Batch(runtime, tokenizer.size)
        self._waking: deque[Stream] = deque()
        self._settings: list[Settings] = []
        self._chain, self._temperatures = Chain([]), np.empty((0, 1))

    def open(
        self,
        start: Snapshot,
        settings: Settings,
        dice: Dice,
        forced: int | None = None,
        ahead: int = 1,
        keep: bool = True,
    ) -> Stream:
        """Let a stream join behind ``start``; ``forced`` is a token that it takes first, without a draw.

        For ``ahead`` and ``keep`` see ``Stream``; one that may be ahead begins before anybody reads it.
        """
        stream = Stream(self._tokenizer, start, settings, dice, forced, ahead, keep)
        if ahead > 1:
            self.wake(stream)
        return stream

    def wake(self, stream: Stream) -> None:
        """Say that the stream's reader wants more, or wants it stopped."""
        self._waking.append(stream)

    @property
    def wanted(self) -> bool:
        """Whether somebody has said so since the last step."""
        return bool(self._waking)

    def play(self, stream: Stream) -> Iterator[Event]:
        """The events of one stream, as they come; the others step along as far as they may be ahead.

        Raises what went wrong in this stream's part of a step.
        """
        while stream.events or not stream.ended:
            if not stream.events:
                self.wake(stream)
                self.step()
            while stream.events:
                yield stream.events.popleft()
        if stream.error:
            raise stream.error

    def step(self) -> bool:
        """Draw a token, or a few, for every stream whose reader wants more; False where there is none."""
        self._batch.leave(lambda stream: stream.full)
        self._admit()
        self._finish()
        if not self._batch.streams:
            return False
        self._listen()
        self._burst()
        self._finish()
        return True

    def fail(self, error: Exception) -> None:
        """End every stream that is stepped or wants to be with ``error``: what they share could not go on."""
        self._admit()
        for stream in self._batch.leave(lambda _: True):
            stream.fail(error)

    def _admit(self) -> None:
        """Let in those whose readers want more."""
        wanted = dict.fromkeys(self._waking.popleft() for _ in range(len(self._waking)))
        live = set(self._batch.streams)
        self._batch.join([s for s in wanted if s not in live and not s.ended and (s.stopping or not s.full)])

    def _finish(self) -> None:
        """Let those leave that have ended or were told to stop, with a snapshot of where they stand."""
        for stream in self._batch.leave(lambda stream: stream.ended or stream.stopping):
            if not stream.ended:
                stream.end("stopped")
            if stream.keep and stream.position not in stream.snapshots:
                stream.keep_snapshot(stream.state, stream.logits)

    def _listen(self) -> bool:
        """Make the chain ready for what is set now; whether anything had changed, or somebody is to stop."""
        streams = self._batch.streams
        settings = [stream.settings for stream in streams]
        if settings == self._settings:
            return any(stream.stopping for stream in streams)
        self._settings = settings
        self._chain = Chain(settings, [self._breakers(s) for s in settings])
        self._temperatures = self._heat()
        return True

    def _burst(self) -> None:
        """Draw and read as many tokens as nobody has to look at in between, then tell of them all."""
        streams, draws = self._batch.streams, Draws()
        steps = self._steps()
        uniforms = np.array([stream.dice.uniforms(stream.position, steps) for stream in streams])
        # Where a row is due a snapshot after this many more steps; never where it keeps none.
        due = np.array([SNAPSHOT_EVERY - s.position % SNAPSHOT_EVERY if s.keep else 0 for s in streams])
        for place in range(steps):
            if place and self._listen():
                break
            self._draw(uniforms[:, place : place + 1], draws)
            self._batch.step(draws.ids)
            for row in np.flatnonzero(due == place + 1).tolist():
                draws.keep(row, *self._batch.row(row))
        draws.tell(streams)
        for row, stream in enumerate(streams):
            stream.logits = self._batch.logits[row]

    def _steps(self) -> int:
        streams = self._batch.streams
        if self._chain.remembers:
            return 1
        return min(max(1, BURST // len(streams)), *(stream.patience() for stream in streams), BURST)

    def _draw(self, uniforms: Array, draws: Draws) -> None:
        streams, chain = self._batch.streams, self._chain
        temperatures = self._heat() if chain.ramps else self._temperatures
        bounds = [stream.surprise_bound() for stream in streams] if chain.bounded else None
        logits = self._batch.logits.astype(np.float64)
        shaped = chain.shape(logits, temperatures, streams)
        ids = pick(shaped, uniforms)
        if any(stream.forced is not None for stream in streams):
            ids = np.array([drawn if s.forced is None else s.forced for drawn, s in zip(ids, streams, strict=True)])
        draws.add(logits, shaped, ids, temperatures, bounds)

    def _heat(self) -> Array:
        """The temperature (B, 1) of each row's next token."""
        rows = zip(self._settings, self._batch.streams, strict=True)
        return np.array([s.temperature_at(stream.written / s.length) for s, stream in rows])[:, None]

    def _breakers(self, settings: Settings) -> list[int]:
        """The tokens over which DRY follows no repeat."""
        if not settings.dry_multiplier:
            return []
        encoded = [self._tokenizer.encode(text) for text in settings.dry_sequence_breakers]
        return [int(ids[0]) for ids in encoded if len(ids) == 1]
