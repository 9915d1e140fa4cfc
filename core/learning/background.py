"""Learns in a second thread what a person types, while the model writes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

from ..errors import CommandError
from ..model import Model
from .own_words import SeenTexts
from .voice import Figures, Voice

Texts = Callable[[], Iterable[str]]
"""Returns texts. It is called in the thread."""


class BackgroundLearner:
    """Learns texts one after another, and nothing of them that was there before: what a model wrote, or it has learned.

    Each model that texts are typed for has a voice of its own. Anything that fails in the thread, for example for want
    of memory, is raised by the next call.
    """

    def __init__(self) -> None:
        self._voices: list[Voice] = []
        self._seen = SeenTexts()
        self._jobs = deque[Callable[[], object]]()
        self._lock = threading.Lock()  # for the two below and the jobs
        self._thread: threading.Thread | None = None  # while there are jobs
        self._error: Exception | None = None

    def find_voice(self, model: Model) -> Voice | None:
        """Return the voice that ``model`` is the parent or a state of, None if there is none."""
        return next((voice for voice in self._voices if model.file.sha256 in voice.states), None)

    def prepare(self, model: Model) -> Voice:
        """Return the voice of ``model``. If there is none, begin one: what takes a second is done in the thread."""
        voice = self.find_voice(model)
        if voice is None:
            voice = Voice(model)
            self._voices.append(voice)
            self._submit(lambda: _prepare(voice))
        return voice

    def learn(self, text: str, model: Model, seen: Texts) -> None:
        """Learn ``text`` for the voice of ``model``, but for what stands in the texts that ``seen`` returns."""
        self._submit(partial(self._learn, text, self.prepare(model), seen))

    def skip(self, seen: Texts) -> None:
        """Learn nothing later that stands in the texts that ``seen`` returns."""
        self._submit(lambda: self._remember(seen))

    def forget(self, model: Model) -> Figures:
        """Begin the voice of ``model`` again with its parent. Return the figures of what it had learned."""
        voice = self.find_voice(model)
        if voice is None:
            return Figures()
        voice.forgotten = True
        self._voices[self._voices.index(voice)] = voice.restart(model)
        return voice.figures

    @property
    def busy(self) -> bool:
        """True if not all texts are learned."""
        return self._thread is not None

    def finish(self) -> None:
        """Wait until all texts are learned."""
        while thread := self._thread:
            thread.join()
        self._raise_error()

    def _submit(self, job: Callable[[], object]) -> None:
        self._raise_error()
        with self._lock:
            self._jobs.append(job)
            if self._thread is None:
                # No daemon: one that is killed in compiled code takes the process with it. A voice stops by itself.
                self._thread = threading.Thread(target=self._run, name="afterglow learning")
                self._thread.start()

    def _run(self) -> None:
        while job := self._next_job():
            try:
                job()
            except Exception as error:
                self._error = error

    def _next_job(self) -> Callable[[], object] | None:
        """Return a job. If there is none, return None: the thread ends, and the next job starts another."""
        with self._lock:
            if self._jobs:
                return self._jobs.popleft()
            self._thread = None
            return None

    def _raise_error(self) -> None:
        """Raise what a job has raised since the last call; CommandError if there was not enough memory."""
        error, self._error = self._error, None
        if isinstance(error, MemoryError):
            raise CommandError("the text was not learned: that needs more memory than is free; /learn off stops it")
        if error:
            raise error

    def _learn(self, text: str, voice: Voice, seen: Texts) -> None:
        self._remember(seen)
        for _ in voice.learn(text, self._seen.find_new(text)):
            pass

    def _remember(self, seen: Texts) -> None:
        for each in seen():
            self._seen.add(each)


def _prepare(voice: Voice) -> None:
    if not voice.is_over:
        voice.prepare()
