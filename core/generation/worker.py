"""An engine on its own thread, for any number of readers on threads or on asyncio (``aio.aiter_events``)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from ..errors import EngineError
from ..events import Event
from .engine import Engine
from .snapshot import Snapshot
from .stream import Stream, StreamOptions


class Worker:
    """Opens and steps streams as an engine does, for readers on any thread. Close it, or use it in a ``with``.

    A stream is drawn until ``max_unread`` of its events wait. The thread sleeps while all streams pause.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._condition = threading.Condition()
        self._ready_callbacks: dict[Stream, Callable[[], object]] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="afterglow engine", daemon=True)
        self._thread.start()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self, start: Snapshot, options: StreamOptions) -> Stream:
        """Add a stream that continues from ``start`` and return it; see ``Engine.open``.

        Raises EngineError if the worker is closed.
        """
        with self._condition:
            if self._closed:
                raise EngineError("the engine is closed: open another one")
            stream = self._engine.open(start, options)
            self._condition.notify()
        return stream

    def iter_events(self, stream: Stream) -> Iterator[Event]:
        """Yield the events of one stream as they come. Leaving the loop stops the stream.

        Raises the exception that ended the stream, if any.
        """
        ready = threading.Event()
        try:
            while stream.events or not stream.finished:
                if not stream.events:
                    ready.clear()
                    self.notify_when_ready(stream, ready.set)
                    ready.wait()
                while stream.events:
                    yield stream.events.popleft()
        finally:
            self.stop(stream)
        if stream.error:
            raise stream.error

    def notify_when_ready(self, stream: Stream, ready: Callable[[], object]) -> None:
        """Call ``ready`` once, on any thread, as soon as the stream has an event or has ended."""
        with self._condition:
            if self._closed:
                stream.fail(EngineError("the engine was closed"))
            if stream.events or stream.finished:
                ready()
                return
            self._ready_callbacks[stream] = ready
            self._engine.request(stream)
            self._condition.notify()

    def stop(self, stream: Stream) -> None:
        """End a stream before its next token. The text so far stays."""
        stream.stop()
        with self._condition:
            self._engine.request(stream)
            self._condition.notify()

    def close(self) -> None:
        """End every stream with an EngineError, and then the thread. A second call does nothing."""
        with self._condition:
            self._closed = True
            self._condition.notify()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while not self._closed:
            try:
                busy = self._engine.step()
            except Exception as error:  # a shared step failed: it ends the open streams, and new ones may be opened
                self._engine.fail(error)
                busy = True
            self._notify_ready()
            if not busy:
                with self._condition:
                    self._condition.wait_for(lambda: self._closed or self._engine.has_requests)
        self._engine.fail(EngineError("the engine was closed"))
        self._notify_ready()

    def _notify_ready(self) -> None:
        """Call the callbacks of the streams that have an event or have ended."""
        with self._condition:
            for stream in [s for s in self._ready_callbacks if s.events or s.finished]:
                ready = self._ready_callbacks.pop(stream)
                try:
                    ready()
                except RuntimeError:  # the reader's event loop is closed: the reader is gone
                    stream.stop()
