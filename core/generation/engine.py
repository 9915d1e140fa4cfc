"""Steps all live streams at once. Streams join and leave between two steps; each row's text is its own, bit for bit."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from ..errors import StateError
from ..events import Event
from ..inference.runtime import Runtime
from ..sampling.rng import PositionRNG
from ..settings import Settings
from ..text.tokenizer import Tokenizer
from .batch import Batch
from .snapshot import Snapshot
from .stream import Stream

MAX_BURST_TOKENS, MAX_BURST_STEPS = 2048, 64
"""Tokens, over all rows and in a row, that are drawn before they are told of: telling of many costs little more than of
one. A burst is cut short where somebody joins, stops or turns a setting, and no longer than readers may be ahead."""

MIN_ROWS_PER_BATCH = 4
"""A batch of its own is worth its thread from so many rows on: below, threads share the weights of one (docs/
experiments.md)."""


class Engine:
    """Runs streams over one model. It belongs to the thread that steps it; ``wake`` and ``Stream.stop`` may be called
    from any. A stream is stepped while fewer than ``ahead`` of its events wait to be read, so a slow reader slows
    nobody but itself. Many rows are shared out to batches that are stepped side by side, one on each thread.
    """

    def __init__(self, runtime: Runtime, tokenizer: Tokenizer) -> None:
        self._tokenizer, self._zero_state = tokenizer, runtime.zeros(1)
        self._batches = [Batch(runtime, tokenizer) for _ in range(runtime.max_batches)]
        self._requests: deque[Stream] = deque()
        self._threads: ThreadPoolExecutor | None = None

    def open(
        self,
        start: Snapshot,
        settings: Settings,
        rng: PositionRNG,
        forced_token: int | None = None,
        max_unread: int = 1,
        keep_snapshots: bool = True,
    ) -> Stream:
        """Let a stream join behind ``start``; ``forced`` is a token that it takes first, without a draw.

        For ``ahead`` and ``keep`` see ``Stream``; one that may be ahead begins before anybody reads it. Raises
        StateError for a snapshot of a model of another shape.
        """
        self._require_same_shape(start)
        stream = Stream(self._tokenizer, start, settings, rng, forced_token, max_unread, keep_snapshots)
        if max_unread > 1:
            self.request(stream)
        return stream

    def _require_same_shape(self, start: Snapshot) -> None:
        """Beside the others' its arrays have to fit; whose they are, bytes and passages tell by the model's hash."""
        if len(start.logits) != self._tokenizer.size:
            raise StateError(
                f"this state is of a model with {len(start.logits)} tokens, this one has {self._tokenizer.size}:"
                " read its text again"
            )
        shapes = [(array.shape, array.dtype) for array in start.state]
        if shapes != [(array.shape, array.dtype) for array in self._zero_state]:
            raise StateError("this state is of a model with other layers or another width: read its text again")

    def request(self, stream: Stream) -> None:
        """Say that the stream's reader wants more, or wants it stopped."""
        stream.requested = True
        self._requests.append(stream)

    @property
    def has_requests(self) -> bool:
        """Whether somebody has said so since the last step."""
        return bool(self._requests)

    def iter_events(self, stream: Stream) -> Iterator[Event]:
        """The events of one stream, as they come; the others step along as far as they may be ahead.

        Raises what went wrong in this stream's part of a step.
        """
        while stream.events or not stream.finished:
            if not stream.events:
                self.request(stream)
                self.step()
            while stream.events:
                yield stream.events.popleft()
        if stream.error:
            raise stream.error

    def step(self) -> bool:
        """Draw a token, or a few, for every stream whose reader wants more; False where there is none."""
        self._remove(lambda stream: stream.should_pause)
        self._admit()
        self._remove_finished()
        busy = [batch for batch in self._batches if batch.streams]
        if not busy:
            return False
        steps = min(
            MAX_BURST_STEPS, max(1, MAX_BURST_TOKENS // self._row_count()), *(batch.max_burst() for batch in busy)
        )
        self._run_burst(busy, steps)
        self._remove_finished()
        return True

    def fail(self, error: Exception) -> None:
        """End every stream that is stepped or wants to be with ``error``: what they share could not go on."""
        for batch in self._batches:
            for stream in batch.clear():
                stream.fail(error)
        for stream in self._take_requests():
            stream.fail(error)

    def _run_burst(self, busy: Sequence[Batch], steps: int) -> None:
        """Every batch on a thread of its own, the first on this one."""
        if len(busy) == 1:
            busy[0].run(steps, self._requests)
            return
        if not self._threads:
            self._threads = ThreadPoolExecutor(len(self._batches) - 1, "afterglow batch")
        others = [self._threads.submit(batch.run, steps, self._requests) for batch in busy[1:]]
        try:
            busy[0].run(steps, self._requests)
        finally:
            wait(others)
        for other in others:
            other.result()

    def _admit(self) -> None:
        """Let in those whose readers want more."""
        live = {stream for batch in self._batches for stream in batch.streams}
        joining = [
            s for s in self._take_requests() if s not in live and not s.finished and (s.stopping or not s.should_pause)
        ]
        try:
            self._rebalance(joining)
        except Exception:
            self._requests.extend(joining)  # there is no room for them: whoever hears of it finds them here
            raise

    def _rebalance(self, joining: list[Stream]) -> None:
        """Spread all rows evenly over as many batches as they are worth; who has to move is ``joining`` again."""
        rows = self._row_count() + len(joining)
        batch_count = max(1, min(len(self._batches), rows // MIN_ROWS_PER_BATCH))
        share = -(-rows // batch_count)
        for number, batch in enumerate(self._batches):
            # A few rows too many stay where they are: to move a row costs more than it would gain.
            most = share + share // 8 if number < batch_count else 0
            if len(batch.streams) > most:
                joining += batch.remove(set(batch.streams[most:]).__contains__)
        for batch in self._batches[:batch_count]:
            room = max(0, share - len(batch.streams))
            batch.add(joining[:room], exclusive=batch_count == 1)
            joining = joining[room:]

    def _take_requests(self) -> list[Stream]:
        """Those that were woken since the last step, each once."""
        return list(dict.fromkeys(self._requests.popleft() for _ in range(len(self._requests))))

    def _remove_finished(self) -> None:
        """Let those leave that have ended or were told to stop, with a snapshot of where they stand."""
        for stream in self._remove(lambda stream: stream.is_finishing or stream.stopping):
            if not stream.is_finishing:
                stream.end("stopped")
            if stream.keep_snapshots and stream.position not in stream.snapshots:
                stream.save_snapshot(stream.state, stream.logits)
            stream.close()

    def _remove(self, predicate: Callable[[Stream], bool]) -> list[Stream]:
        return [stream for batch in self._batches for stream in batch.remove(predicate)]

    def _row_count(self) -> int:
        return sum(len(batch.streams) for batch in self._batches)
