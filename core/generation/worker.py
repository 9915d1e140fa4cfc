"""One thread that steps an engine for any number of readers, on threads or on asyncio (``bridge.listen``)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import EngineError
from ..events import Event
from .engine import Engine
from .stream import Stream


class Worker:
    """Opens and plays streams as an engine does, for readers on any thread. Close it, or use it in a ``with``.

    Nothing is drawn that nobody asked for: a stream goes on while fewer than ``ahead`` of its events wait, and where no
    reader wants anything the thread sleeps.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changed = threading.Condition()
        self._asked: dict[Stream, Callable[[], object]] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="afterglow engine", daemon=True)
        self._thread.start()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self, *arguments: Any, **options: Any) -> Stream:
        """Let a stream join; see ``Engine.open``. Raises EngineError where the worker is closed."""
        with self._changed:
            if self._closed:
                raise EngineError("the engine is closed: open another one")
            stream = self._engine.open(*arguments, **options)
            self._changed.notify()
        return stream

    def play(self, stream: Stream) -> Iterator[Event]:
        """The events of one stream, as they come; leaving the loop stops it. Raises what went wrong with it."""
        ready = threading.Event()
        try:
            while stream.events or not stream.ended:
                if not stream.events:
                    ready.clear()
                    self.ask(stream, ready.set)
                    ready.wait()
                while stream.events:
                    yield stream.events.popleft()
        finally:
            self.stop(stream)
        if stream.error:
            raise stream.error

    def ask(self, stream: Stream, ready: Callable[[], object]) -> None:
        """Have ``ready`` called once, from any thread, as soon as there is something to read, if only the end."""
        with self._changed:
            if self._closed:
                stream.fail(EngineError("the engine was closed"))
            if stream.events or stream.ended:
                ready()
                return
            self._asked[stream] = ready
            self._engine.wake(stream)
            self._changed.notify()

    def stop(self, stream: Stream) -> None:
        """End a stream before its next token; what it has written stays."""
        stream.stop()
        with self._changed:
            self._engine.wake(stream)
            self._changed.notify()

    def close(self) -> None:
        """End every stream with an EngineError, and the thread; a second time does nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while not self._closed:
            try:
                busy = self._engine.step()
            except Exception as error:  # what the rows share failed: their readers hear of it, and others may come
                self._engine.fail(error)
                busy = True
            self._answer()
            if not busy:
                with self._changed:
                    self._changed.wait_for(lambda: self._closed or self._engine.wanted)
        self._engine.fail(EngineError("the engine was closed"))
        self._answer()

    def _answer(self) -> None:
        """Call those who wait for something that is there now."""
        with self._changed:
            for stream in [s for s in self._asked if s.events or s.ended]:
                ready = self._asked.pop(stream)
                try:
                    ready()
                except RuntimeError:  # the reader's event loop is gone, and so is the reader
                    stream.stop()
