"""Steps all live streams together. Streams join and leave between steps, without changing the other texts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from ..errors import StateError
from ..events import Event
from ..inference.runtime import Runtime, require_same_form, wrong_id_error
from ..sampling.logit_bias import require_effective_bias
from ..sampling.rng import PositionRNG
from ..settings import Settings
from ..text.tokenizer import Tokenizer
from .batch import Batch
from .snapshot import Row, Snapshot
from .stream import Stream, StreamOptions
from .voices import VoiceReader

MAX_BURST_TOKENS, MAX_BURST_STEPS = 2048, 64
"""Upper bounds of a burst: tokens summed over rows, and steps. Delivering many tokens costs little more than delivering
one. A burst ends early if a stream joins, stops or changes a setting, and never exceeds a stream's ``max_unread``."""

MIN_ROWS_PER_BATCH = 4
"""With fewer rows per batch, one batch stepped by all threads is faster than one batch per thread
(docs/experiments.md)."""


class Engine:
    """Runs streams over one model.

    It belongs to the thread that steps it; only ``request`` and ``Stream.stop`` may be called from others. A stream is
    stepped until ``max_unread`` of its events wait, so a slow reader delays only itself. Many rows are spread over
    several batches, each stepped on its own thread.
    """

    def __init__(self, runtime: Runtime, tokenizer: Tokenizer, voices: VoiceReader | None = None) -> None:
        self._tokenizer = tokenizer
        self._voices = voices or VoiceReader(runtime)
        self._zero_state = runtime.zeros(1)
        self._batches = [Batch(runtime, self._voices) for _ in range(runtime.max_batches)]
        self._requests: deque[Stream] = deque()
        self._threads: ThreadPoolExecutor | None = None

    def open(self, start: Snapshot, options: StreamOptions) -> Stream:
        """Add a stream that continues from ``start`` and return it.

        With ``max_unread`` above 1 it is drawn before its reader asks. Raises StateError if the snapshot belongs to a
        model of another size, UsageError if the forced token is not in the vocabulary, SettingError if ``style``,
        ``ban`` or ``bias`` does not fit the model.
        """
        require_effective_bias(self._tokenizer, options.settings)
        self._voices.require_known(options.settings)
        for row in filter(None, start.rows):
            self._require_same_shape(row)
        if options.forced_token is not None and not 0 <= options.forced_token < self._tokenizer.size:
            raise wrong_id_error(options.forced_token, self._tokenizer.size)
        stream = Stream(self._tokenizer, start, options, self._voices)
        if options.max_unread > 1:
            self.request(stream)
        return stream

    def _require_same_shape(self, start: Row) -> None:
        """Raise StateError unless the arrays of a snapshot's row have this model's shapes.

        ``snapshot.from_bytes`` checks by hash that a loaded snapshot is of this model.
        """
        if len(start.logits) != self._tokenizer.size:
            raise StateError(
                f"this saved state belongs to a model with {len(start.logits)} tokens, not {self._tokenizer.size};"
                " read the text again"
            )
        require_same_form(start.state, self._zero_state)

    def open_samples(
        self, start: Snapshot, settings: Settings, rng: int, count: int, first: int = 0
    ) -> list[Iterator[Event]]:
        """Return the events of ``count`` texts that continue ``start``, from number ``first`` on.

        Text n (from 0) uses take n of ``rng``. The texts are stepped together, and can be read in any order.
        """
        options = [
            StreamOptions(settings, PositionRNG(rng, take), max_unread=settings.length, keep_snapshots=False)
            for take in range(first, first + count)
        ]
        return [self.iter_events(stream) for stream in [self.open(start, each) for each in options]]

    def request(self, stream: Stream) -> None:
        """Queue the stream: the next step draws for it, or removes it if it was stopped. Safe from any thread."""
        stream.requested = True
        self._requests.append(stream)

    @property
    def has_requests(self) -> bool:
        """True if ``request`` was called since the last step."""
        return bool(self._requests)

    @property
    def row_count(self) -> int:
        """Number of streams in the batches: those that the next step may draw for."""
        return sum(len(batch.streams) for batch in self._batches)

    def iter_events(self, stream: Stream) -> Iterator[Event]:
        """Yield the events of one stream as they come. Other streams are stepped too, up to their ``max_unread``.

        Raises the exception that ended the stream, if any.
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
        """Draw one burst for every stream that need not pause. Return False if there is none."""
        self._remove(lambda stream: stream.should_pause)
        self._admit()
        self._remove_finished()
        busy = [batch for batch in self._batches if batch.streams]
        if not busy:
            return False
        steps = min(MAX_BURST_STEPS, max(1, MAX_BURST_TOKENS // self.row_count), *(batch.max_burst() for batch in busy))
        self._run_burst(busy, steps)
        self._remove_finished()
        return True

    def fail(self, error: Exception) -> None:
        """End all streams, also those not yet admitted, with ``error``. Used after a shared step failed."""
        for batch in self._batches:
            for stream in batch.clear():
                stream.fail(error)
        for stream in self._take_requests():
            stream.fail(error)

    def _run_burst(self, busy: Sequence[Batch], steps: int) -> None:
        """Run each batch on its own thread, the first on this one. Raises the first exception of any."""
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
        """Add the requested streams to the batches."""
        live = {stream for batch in self._batches for stream in batch.streams}
        joining = [
            s for s in self._take_requests() if s not in live and not s.finished and (s.stopping or not s.should_pause)
        ]
        try:
            self._rebalance(joining)
        except Exception:
            self._requests.extend(joining)  # out of memory for their rows: ``fail`` finds and ends them here
            raise

    def _rebalance(self, joining: list[Stream]) -> None:
        """Spread all rows evenly over the batches worth using. Streams that must move are added to ``joining``."""
        rows = self.row_count + len(joining)
        batch_count = max(1, min(len(self._batches), rows // MIN_ROWS_PER_BATCH))
        share = -(-rows // batch_count)
        for number, batch in enumerate(self._batches):
            # An eighth more than the share is left in place: moving a row costs more than it would gain.
            limit = share + share // 8 if number < batch_count else 0
            if len(batch.streams) > limit:
                joining += batch.remove(set(batch.streams[limit:]).__contains__)
        for batch in self._batches[:batch_count]:
            room = max(0, share - len(batch.streams))
            batch.add(joining[:room], exclusive=batch_count == 1)
            joining = joining[room:]

    def _take_requests(self) -> list[Stream]:
        """Empty the queue of requests and return its streams, each once."""
        return list(dict.fromkeys(self._requests.popleft() for _ in range(len(self._requests))))

    def _remove_finished(self) -> None:
        """Remove the streams that have ended or were stopped, save their last snapshots, and close them."""
        for stream in self._remove(lambda stream: stream.is_finishing or stream.stopping):
            if not stream.is_finishing:
                stream.end("stopped", with_pending=True)
            if stream.options.keep_snapshots and stream.position not in stream.snapshots:
                stream.save_snapshot(stream.rows)
            stream.close()

    def _remove(self, predicate: Callable[[Stream], bool]) -> list[Stream]:
        return [stream for batch in self._batches for stream in batch.remove(predicate)]
