"""Writes the texts of all channels, on one engine thread for each model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ..core.errors import CommandError, ModelError, StateError, StorageError
from ..core.events import Done, Event, Token
from ..core.generation.aio import aiter_events
from ..core.generation.snapshot import Snapshot
from ..core.generation.stream import Stream, StreamOptions
from ..core.generation.token_history import TokenHistory
from ..core.generation.worker import Worker
from ..core.inference import library
from ..core.model import Model, load
from ..core.sampling.rng import PositionRNG, random_rng_seed
from ..core.session.passage import format_temperatures
from ..core.setting_styles import describe_style
from ..core.setting_types import Ramp
from ..core.settings import SPECS, Settings
from .formatting import Blocklist
from .setting_specs import MAX_LENGTH, spec_of
from .store import MODEL_KEY, Store

MAX_UNREAD_WATCHED = 8
"""Unread tokens at which a text in typewriter mode pauses: few, so that a new temperature shows soon."""

MAX_UNREAD = 256
"""Unread tokens at which any other text pauses: enough for the engine's bursts, few enough for the event loop."""


class TextRequest(NamedTuple):
    """A text to write, with everything that it depends on.

    ``memory``: continue from the state of the channel's last text. ``source_message``: id of the bot's message that is
    the seed and so is not repeated, or 0. ``in_sweep``: the text is one of several at different temperatures.
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
    """A request being written: its text so far, and notices for the reader, a line each."""

    request: TextRequest
    text: str = ""
    notices: list[str] = field(default_factory=list)
    stopped: bool = False
    temperatures: set[float] = field(default_factory=set)
    _stream: Stream | None = None
    _worker: Worker | None = None

    def attach(self, worker: Worker, stream: Stream) -> None:
        """Set the stream that writes the text. It is stopped at once if the job has been."""
        self._worker = worker
        self._stream = stream
        if self.stopped:
            self.stop()

    def stop(self) -> None:
        """Stop before the next token. The text so far stays."""
        self.stopped = True
        self.stop_stream()

    def stop_stream(self) -> None:
        """Stop the engine's stream, if there is one."""
        if self._worker and self._stream:
            self._worker.stop(self._stream)

    def set_temperature(self, temperature: float | Ramp) -> None:
        """Change the temperature from the next token on. The buttons under the text get it too."""
        self.request = self.request._replace(settings=self.request.settings.changed(temperature=temperature))
        if self._stream:
            self._stream.settings = self._stream.settings.changed(temperature=temperature)

    def on_event(self, event: Event) -> None:
        """Add an event of the engine to the text."""
        if isinstance(event, Token):
            self.temperatures.add(event.temperature)
        if isinstance(event, Token | Done):
            self.text += event.text

    def summary(self) -> str:
        """Return the small line under a text: temperature, style, number of characters, rng."""
        settings = self.request.settings
        style = f"style {describe_style(settings.style, settings.style_strength)}" if settings.style else ""
        figures = f"{len(self.text):,} characters", f"rng {self.request.rng}"
        return " · ".join(filter(None, (format_temperatures(self.temperatures), style, *figures)))


class LoadedModel(NamedTuple):
    """A model and its engine thread."""

    model: Model
    worker: Worker


class TextService:
    """Writes texts for channels. Call ``close`` to end its threads.

    ``default_model`` is used in channels that chose none. Others are opened from the library by name, never by path.
    """

    def __init__(
        self,
        default_model: Model,
        store: Store,
        open_model: Callable[[str], Model] = load,
        blocked_words: Iterable[str] = (),
    ) -> None:
        self.default_model = default_model
        self.store = store
        self.blocklist = Blocklist(blocked_words)
        self.running: set[TextJob] = set()
        self._open_model = open_model
        self._models = {default_model.name: LoadedModel(default_model, default_model.worker())}
        self._load_locks: dict[str, asyncio.Lock] = {}
        self._executor = ThreadPoolExecutor(2, "afterglow reader")

    def close(self) -> None:
        """End all threads."""
        for loaded in self._models.values():
            loaded.worker.close()
        self._executor.shutdown()

    def set_temperature(self, channel: int, temperature: float | Ramp) -> None:
        """Change the temperature of the texts being written in a channel, except in a sweep."""
        for text_job in self.running:
            if text_job.request.channel == channel and not text_job.request.in_sweep:
                text_job.set_temperature(temperature)

    async def model_names(self) -> list[str]:
        """Return the names of the models to choose from, sorted."""
        entries = await asyncio.to_thread(library.list_models)
        return sorted({self.default_model.name, *(entry.name for entry in entries)})

    def loaded_model(self, name: str) -> Model:
        """Return a model that ``get_model`` has opened."""
        return self._models[name].model

    async def get_model(self, name: str) -> Model:
        """Return the model of this name, opened at the first call. Raises ModelError."""
        return (await self._load_model(name)).model

    async def build_request(
        self,
        channel: int,
        guild: int | None,
        seed: str,
        model: str | None = None,
        **overrides: float | Ramp | None,
    ) -> TextRequest:
        """Return a request with the channel's settings. ``overrides`` replace some by name; None leaves one as it is.

        Raises AfterglowError for a value out of range, an unknown model or a blocked word.
        """
        if self.blocklist.contains(seed):
            raise CommandError("this seed contains a word that is blocked here")
        checked = {name: spec_of(name).check(value) for name, value in overrides.items() if value is not None}
        name = await self.resolve_model_name(channel, model)
        settings = self.settings_of(channel, await self.get_model(name)).changed(**checked)
        rng = random_rng_seed() if settings.rng is None else settings.rng
        return TextRequest(channel, guild, seed, name, settings, rng, settings.memory)

    async def resolve_model_name(self, channel: int, requested: str | None = None) -> str:
        """Return ``requested``, or else the channel's model, or the default model if the channel's no longer exists.

        Raises ModelError if there is no model ``requested``.
        """
        names = await self.model_names()
        if requested is not None and requested not in names:
            raise ModelError(f"there is no model {requested[:40]!r}; there are: {', '.join(names)}")
        stored = self.store.settings(channel).get(MODEL_KEY)
        return requested or (stored if stored in names else self.default_model.name)

    def settings_of(self, channel: int, model: Model) -> Settings:
        """Return the model's settings, overridden by the channel's, without a style that the model lacks."""
        stored = self.store.settings(channel)
        settings = model.settings.changed(**{name: value for name, value in stored.items() if name in SPECS})
        return model.voices.fit_settings(settings.changed(length=min(settings.length, MAX_LENGTH)))

    async def write(self, text_job: TextJob, watched: bool = False) -> AsyncGenerator[TextJob]:
        """Write a text and yield the job after each event. If ``watched``, write no faster than the events are read."""
        request = text_job.request
        self.running.add(text_job)
        try:
            loaded = await self._load_model(request.model)
            stream = await self._open_stream(loaded, text_job, watched)
            async for event in aiter_events(loaded.worker, stream):
                text_job.on_event(event)
                yield text_job
            if request.memory:
                await self._save_state(loaded.model, text_job, stream)
        finally:
            text_job.stop_stream()
            self.running.discard(text_job)

    async def finish(self, text_job: TextJob) -> TextJob:
        """Write a whole text at full speed."""
        async for _ in self.write(text_job):
            pass
        return text_job

    async def _load_model(self, name: str) -> LoadedModel:
        async with self._load_locks.setdefault(name, asyncio.Lock()):
            if name not in self._models:
                model = await asyncio.to_thread(self._open_model, name)
                self._models[name] = LoadedModel(model, model.worker())
        return self._models[name]

    async def _open_stream(self, loaded: LoadedModel, text_job: TextJob, watched: bool) -> Stream:
        """Read the seed, and open a stream that continues it."""
        start = await self._read_seed(loaded.model, text_job)
        request = text_job.request  # taken now: the temperature can change while the seed is read
        options = StreamOptions(
            request.settings,
            PositionRNG(request.rng),
            max_unread=MAX_UNREAD_WATCHED if watched else MAX_UNREAD,
            keep_snapshots=request.memory,
        )
        stream = loaded.worker.open(start, options)
        text_job.attach(loaded.worker, stream)
        return stream

    async def _read_seed(self, model: Model, text_job: TextJob) -> Snapshot:
        """Return the model's state after the seed. Prefill runs on a thread, as it would block the event loop."""
        request = text_job.request
        memory = await self._restore_state(model, text_job) if request.memory else None
        prefill = await asyncio.get_running_loop().run_in_executor(self._executor, model.read, request.seed, memory)
        text_job.notices += prefill.notices
        return prefill.snapshot

    async def _restore_state(self, model: Model, text_job: TextJob) -> Snapshot | None:
        """Return the state of the channel's memory, None if there is none or it cannot be used.

        It goes on in the style of the text: without its tokens it cannot be read again when the text is drawn.
        """
        request = text_job.request
        try:
            data = await asyncio.to_thread(self.store.load_state, request.channel)
            return model.voices.restyle(model.load_state(data), request.settings.voice.at(0)) if data else None
        except (StateError, StorageError) as error:
            text_job.notices.append(f"the memory was reset: {error}")
            return None

    async def _save_state(self, model: Model, text_job: TextJob, stream: Stream) -> None:
        """Save the state after the text as the channel's memory, without its token ids, which would be the text."""
        request = text_job.request
        if not self.settings_of(request.channel, model).memory:
            return  # The memory was switched off or deleted meanwhile.
        snapshot = replace(stream.snapshots[stream.position], history=TokenHistory(), pending_text="")
        try:
            await asyncio.to_thread(self.store.save_state, request.channel, request.guild, model.dump_state(snapshot))
        except StorageError as error:
            text_job.notices.append(f"the memory could not be saved: {error}")
