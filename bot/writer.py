"""Texts: what is to be written, and the writing of it. One engine thread a model writes all channels' side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ..core.errors import CommandError, ModelError, StateError, StorageError
from ..core.events import Done, Token
from ..core.generation.aio import aiter_events
from ..core.generation.snapshot import TokenHistory
from ..core.generation.stream import Stream, StreamOptions
from ..core.generation.worker import Worker
from ..core.inference import library
from ..core.model import Model, load
from ..core.sampling.rng import PositionRNG, random_rng_seed
from ..core.settings import SPECS, Settings
from .formatting import Blocklist
from .setting_specs import bounded_spec, spec_of
from .store import MODEL_KEY, Store

MAX_PENDING_WATCHED, MAX_PENDING_UNWATCHED = 8, 256
"""Tokens that a text may be ahead of its reader: few where people watch, so that a new temperature shows soon; else
enough for the engine's bursts, and so few that many texts at once do not hold up the event loop."""


class TextRequest(NamedTuple):
    """A text to write: everything that it depends on. ``memory``: it goes on from what its channel has read.

    ``source`` is the message of ours that the seed is, where a text goes on from one; it is not repeated then.
    ``compared``: it is shown beside others at other temperatures.
    """

    channel: int
    guild: int | None
    seed: str
    model: str
    settings: Settings
    rng: int
    memory: bool = False
    source_message: int = 0
    in_sweep: bool = False


@dataclass(eq=False)
class TextJob:
    """A text on its way: what is written of ``order`` so far, and what its reader should know."""

    request: TextRequest
    text: str = ""
    notices: list[str] = field(default_factory=list)
    stopped: bool = False
    temperatures: set[float] = field(default_factory=set)
    _stream: Stream | None = None
    _worker: Worker | None = None

    def attach(self, worker: Worker, stream: Stream) -> None:
        """Take over the stream; stopped already, it ends at once."""
        self._worker, self._stream = worker, stream
        if self.stopped:
            self.stop()

    def stop(self) -> None:
        """End before the next token; what is written stays."""
        self.stopped = True
        self.stop_stream()

    def stop_stream(self) -> None:
        """Let the engine write no more of it, whoever may still be reading."""
        if self._worker and self._stream:
            self._worker.stop(self._stream)

    def set_temperature(self, temperature: Any) -> None:
        """Draw the very next token at another temperature, and whatever is made from this text by a button."""
        self.request = self.request._replace(settings=self.request.settings.changed(temperature=temperature))
        if self._stream:
            self._stream.settings = self._stream.settings.changed(temperature=temperature)

    def on_event(self, event: Any) -> None:
        """Take in what the engine says."""
        if isinstance(event, Token):
            self.temperatures.add(event.temperature)
        if isinstance(event, Token | Done):
            self.text += event.text

    def summary(self) -> str:
        """The small line under a text: T, characters, what the dice started from."""
        low, high = min(self.temperatures, default=0.0), max(self.temperatures, default=0.0)
        shown = f"T {low:.2f}" if low == high else f"T {low:.2f} to {high:.2f}"
        return f"{shown} · {len(self.text):,} characters · rng {self.request.rng}"


class LoadedModel(NamedTuple):
    """A model and the one thread that steps it."""

    model: Model
    worker: Worker


class TextService:
    """Writes texts for channels. ``default`` plays where nobody names a model; others come from the library by name,
    never by path. Close it: its threads end then.
    """

    def __init__(
        self,
        default_model: Model,
        store: Store,
        opener: Callable[[str], Model] = load,
        blocked_words: Iterable[str] = (),
    ) -> None:
        self.default_model, self.store, self.blocklist = default_model, store, Blocklist(blocked_words)
        self._opener = opener
        self._models = {default_model.name: LoadedModel(default_model, default_model.worker())}
        self._load_locks: dict[str, asyncio.Lock] = {}
        self._executor = ThreadPoolExecutor(2, "afterglow reader")
        self._running: set[TextJob] = set()

    def close(self) -> None:
        """End all threads."""
        for served in self._models.values():
            served.worker.close()
        self._executor.shutdown()

    def set_temperature(self, channel: int, temperature: Any) -> None:
        """Let what is being written in a channel go on at another temperature, but for what compares temperatures."""
        for writing in self._running:
            if writing.request.channel == channel and not writing.request.in_sweep:
                writing.set_temperature(temperature)

    async def model_names(self) -> list[str]:
        """The models that can be asked for."""
        entries = await asyncio.to_thread(library.list_models)
        return sorted({self.default_model.name, *(entry.name for entry in entries)})

    def loaded_model(self, name: str) -> Model:
        """A model that has been opened."""
        return self._models[name].model

    async def get_model(self, name: str) -> Model:
        """The model of that name, opened once; raises ModelError for one that cannot be had."""
        return (await self._load_model(name)).model

    async def build_request(
        self, channel: int, guild: int | None, seed: str, model: str | None = None, **overrides: Any
    ) -> TextRequest:
        """A text from ``seed`` with the channel's settings, and ``wishes`` by name over them (None is no wish).

        Raises AfterglowError: a value out of range, an unknown model, a blocked word.
        """
        if self.blocklist.contains(seed):
            raise CommandError("this seed holds a word that is blocked here")
        chosen = {name: spec_of(name).check(value) for name, value in overrides.items() if value is not None}
        name = await self.model_of(channel, model)
        settings = self.settings_of(channel, await self.get_model(name)).changed(**chosen)
        rng = random_rng_seed() if settings.rng is None else settings.rng
        return TextRequest(channel, guild, seed, name, settings, rng, settings.memory)

    async def model_of(self, channel: int, requested: str | None = None) -> str:
        """The name of the model that plays in a channel. One that was set and is gone gives way to the default."""
        names = await self.model_names()
        if requested is not None and requested not in names:
            raise ModelError(f"there is no model {requested[:40]!r}; there are: {', '.join(names)}")
        kept = self.store.settings(channel).get(MODEL_KEY)
        return requested or (kept if kept in names else self.default_model.name)

    def settings_of(self, channel: int, model: Model) -> Settings:
        """The model's own settings, with the channel's over them."""
        kept = self.store.settings(channel)
        settings = model.settings.changed(**{name: value for name, value in kept.items() if name in SPECS})
        longest = int(getattr(bounded_spec("length").kind, "high", settings.length))
        return settings.changed(length=min(settings.length, longest))

    async def write(self, text_job: TextJob, watched: bool = False) -> AsyncGenerator[TextJob]:
        """Write it, and say so whenever there is more; ``watched`` writes no faster than this iterator is asked."""
        order = text_job.request
        self._running.add(text_job)
        try:
            served = await self._load_model(order.model)
            start = await self._read_seed(served.model, text_job)
            ahead = MAX_PENDING_WATCHED if watched else MAX_PENDING_UNWATCHED
            options = StreamOptions(
                order.settings, PositionRNG(order.rng), max_unread=ahead, keep_snapshots=order.memory
            )
            stream = served.worker.open(start, options)
            text_job.attach(served.worker, stream)
            async for event in aiter_events(served.worker, stream):
                text_job.on_event(event)
                yield text_job
            if order.memory:
                await self._save_state(served.model, text_job, stream)
        finally:
            text_job.stop_stream()
            self._running.discard(text_job)

    async def finish(self, text_job: TextJob) -> TextJob:
        """Write all of it as fast as it goes."""
        async for _ in self.write(text_job):
            pass
        return text_job

    async def _load_model(self, name: str) -> LoadedModel:
        async with self._load_locks.setdefault(name, asyncio.Lock()):
            if name not in self._models:
                model = await asyncio.to_thread(self._opener, name)
                self._models[name] = LoadedModel(model, model.worker())
        return self._models[name]

    async def _read_seed(self, model: Model, text_job: TextJob) -> Any:
        """The state behind the seed. Reading takes every step, so it happens on a thread."""
        behind = await self._restore_state(model, text_job) if text_job.request.memory else None
        read = asyncio.get_running_loop().run_in_executor(self._executor, model.read, text_job.request.seed, behind)
        reading = await read
        text_job.notices += reading.notices
        return reading.snapshot

    async def _restore_state(self, model: Model, text_job: TextJob) -> Any:
        try:
            data = await asyncio.to_thread(self.store.load_state, text_job.request.channel)
            return model.load_state(data) if data else None
        except (StateError, StorageError) as error:
            text_job.notices.append(f"the memory begins anew: {error}")
            return None

    async def _save_state(self, model: Model, text_job: TextJob, stream: Stream) -> None:
        """Keep where the text ended. The ids that led there stay out: they would be the text itself."""
        order = text_job.request
        if not self.settings_of(order.channel, model).memory:
            return  # somebody has switched it off, or had everything forgotten, meanwhile
        snapshot = replace(stream.snapshots[stream.position], history=TokenHistory(), pending_text="")
        try:
            await asyncio.to_thread(self.store.save_state, order.channel, order.guild, model.dump_state(snapshot))
        except StorageError as error:
            text_job.notices.append(f"the memory could not be kept: {error}")
