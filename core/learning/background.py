"""Learns in a second thread what a person types, while the model writes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

from ..errors import CommandError
from ..model import Model
from .learning_model import Figures, LearningModel
from .own_words import SeenTexts

Texts = Callable[[], Iterable[str]]
"""Returns texts. It is called in the thread."""


class BackgroundLearner:
    """Learns texts one after another, and nothing of them that was there before: what a model wrote, or it has learned.

    Each model that texts are typed for learns for itself. Anything that fails in the thread, for example for want
    of memory, is raised by the next call.
    """

    def __init__(self) -> None:
        self._models: list[LearningModel] = []
        self._seen = SeenTexts()
        self._jobs = deque[Callable[[], object]]()
        self._lock = threading.Lock()  # for the two below and the jobs
        self._thread: threading.Thread | None = None  # while there are jobs
        self._error: Exception | None = None

    def find(self, model: Model) -> LearningModel | None:
        """Return the learning model that ``model`` is the parent or a state of, None if there is none."""
        return next((learning for learning in self._models if model.file.sha256 in learning.states), None)

    def prepare(self, model: Model) -> LearningModel:
        """Return what ``find`` does. If there is none, make one: what takes a second is done in the thread."""
        learning = self.find(model)
        if learning is None:
            learning = LearningModel(model)
            self._models.append(learning)
            self._submit(lambda: _prepare(learning))
        return learning

    def learn(self, text: str, model: Model, seen: Texts) -> None:
        """Let ``model`` learn ``text``, but for what stands in the texts that ``seen`` returns."""
        self._submit(partial(self._learn, text, self.prepare(model), seen))

    def skip(self, seen: Texts) -> None:
        """Learn nothing later that stands in the texts that ``seen`` returns."""
        self._submit(lambda: self._remember(seen))

    def forget(self, model: Model) -> Figures:
        """Go back to the parent of ``model``. Return the figures of what was learned."""
        learning = self.find(model)
        if learning is None:
            return Figures()
        learning.forgotten = True
        self._models[self._models.index(learning)] = learning.restart(model)
        return learning.figures

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
                # No daemon: one that is killed in compiled code takes the process with it. Learning stops by itself.
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

    def _learn(self, text: str, learning: LearningModel, seen: Texts) -> None:
        self._remember(seen)
        learning.learn(text, self._seen.find_new(text))

    def _remember(self, seen: Texts) -> None:
        for each in seen():
            self._seen.add(each)


def _prepare(learning: LearningModel) -> None:
    if not learning.is_over:
        learning.prepare()
