"""Texts: what is to be written, and the writing of it. One engine thread a model writes all channels' side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ..core.errors import CommandError, ModelError, StateError, StorageError
from ..core.events import Done, Token
from ..core.generation.aio import listen
from ..core.generation.snapshot import History
from ..core.generation.stream import Stream
from ..core.generation.worker import Worker
from ..core.inference import library
from ..core.model import Model, load
from ..core.sampling.rng import Dice, fresh_rng
from ..core.settings import SPECS, Settings
from .formatting import Blocklist
from .setting_specs import narrowed, spec_of
from .store import MODEL, Store

WATCHED, UNWATCHED = 8, 256
"""Tokens that a text may be ahead of its reader: few where people watch, so that a new temperature shows soon; else
enough for the engine's bursts, and so few that many texts at once do not hold up the event loop."""


class Order(NamedTuple):
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
    source: int = 0
    compared: bool = False


@dataclass(eq=False)
class Writing:
    """A text on its way: what is written of ``order`` so far, and what its reader should know."""

    order: Order
    text: str = ""
    notices: list[str] = field(default_factory=list)
    stopped: bool = False
    temperatures: set[float] = field(default_factory=set)
    _stream: Stream | None = None
    _worker: Worker | None = None

    def begin(self, worker: Worker, stream: Stream) -> None:
        """Take over the stream; stopped already, it ends at once."""
        self._worker, self._stream = worker, stream
        if self.stopped:
            self.stop()

    def stop(self) -> None:
        """End before the next token; what is written stays."""
        self.stopped = True
        self.end()

    def end(self) -> None:
        """Let the engine write no more of it, whoever may still be reading."""
        if self._worker and self._stream:
            self._worker.stop(self._stream)

    def turn(self, temperature: Any) -> None:
        """Draw the very next token at another temperature, and whatever is made from this text by a button."""
        self.order = self.order._replace(settings=self.order.settings.changed(temperature=temperature))
        if self._stream:
            self._stream.settings = self._stream.settings.changed(temperature=temperature)

    def hear(self, event: Any) -> None:
        """Take in what the engine says."""
        if isinstance(event, Token):
            self.temperatures.add(event.temperature)
        if isinstance(event, Token | Done):
            self.text += event.text

    def summary(self) -> str:
        """The small line under a text: T, characters, what the dice started from."""
        low, high = min(self.temperatures, default=0.0), max(self.temperatures, default=0.0)
        shown = f"T {low:.2f}" if low == high else f"T {low:.2f} to {high:.2f}"
        return f"{shown} · {len(self.text):,} characters · rng {self.order.rng}"


class Served(NamedTuple):
    """A model and the one thread that steps it."""

    model: Model
    worker: Worker


class Writer:
    """Writes texts for channels. ``default`` plays where nobody names a model; others come from the library by name,
    never by path. Close it: its threads end then.
    """

    def __init__(
        self, default: Model, store: Store, opener: Callable[[str], Model] = load, blocked: Iterable[str] = ()
    ) -> None:
        self.default, self.store, self.blocklist = default, store, Blocklist(blocked)
        self._opener = opener
        self._served = {default.name: Served(default, default.worker())}
        self._opening: dict[str, asyncio.Lock] = {}
        self._readers = ThreadPoolExecutor(2, "afterglow reader")
        self._live: set[Writing] = set()

    def close(self) -> None:
        """End all threads."""
        for served in self._served.values():
            served.worker.close()
        self._readers.shutdown()

    def turn(self, channel: int, temperature: Any) -> None:
        """Let what is being written in a channel go on at another temperature, but for what compares temperatures."""
        for writing in self._live:
            if writing.order.channel == channel and not writing.order.compared:
                writing.turn(temperature)

    async def names(self) -> list[str]:
        """The models that can be asked for."""
        entries = await asyncio.to_thread(library.entries)
        return sorted({self.default.name, *(entry.name for entry in entries)})

    def loaded(self, name: str) -> Model:
        """A model that has been opened."""
        return self._served[name].model

    async def model(self, name: str) -> Model:
        """The model of that name, opened once; raises ModelError for one that cannot be had."""
        return (await self._serve(name)).model

    async def order(self, channel: int, guild: int | None, seed: str, model: str | None = None, **wishes: Any) -> Order:
        """A text from ``seed`` with the channel's settings, and ``wishes`` by name over them (None is no wish).

        Raises AfterglowError: a value out of range, an unknown model, a blocked word.
        """
        if self.blocklist.holds(seed):
            raise CommandError("this seed holds a word that is blocked here")
        chosen = {name: spec_of(name).check(value) for name, value in wishes.items() if value is not None}
        name = await self.model_of(channel, model)
        settings = self.settings_of(channel, await self.model(name)).changed(**chosen)
        rng = fresh_rng() if settings.rng is None else settings.rng
        return Order(channel, guild, seed, name, settings, rng, settings.memory)

    async def model_of(self, channel: int, wish: str | None = None) -> str:
        """The name of the model that plays in a channel. One that was set and is gone gives way to the default."""
        names = await self.names()
        if wish is not None and wish not in names:
            raise ModelError(f"there is no model {wish[:40]!r}; there are: {', '.join(names)}")
        kept = self.store.settings(channel).get(MODEL)
        return wish or (kept if kept in names else self.default.name)

    def settings_of(self, channel: int, model: Model) -> Settings:
        """The model's own settings, with the channel's over them."""
        kept = self.store.settings(channel)
        settings = model.settings.changed(**{name: value for name, value in kept.items() if name in SPECS})
        longest = int(getattr(narrowed("length").kind, "high", settings.length))
        return settings.changed(length=min(settings.length, longest))

    async def write(self, writing: Writing, watched: bool = False) -> AsyncGenerator[Writing]:
        """Write it, and say so whenever there is more; ``watched`` writes no faster than this iterator is asked."""
        order = writing.order
        self._live.add(writing)
        try:
            served = await self._serve(order.model)
            start = await self._start(served.model, writing)
            ahead = WATCHED if watched else UNWATCHED
            dice = Dice(order.rng)
            stream = served.worker.open(start, writing.order.settings, dice, ahead=ahead, keep=order.memory)
            writing.begin(served.worker, stream)
            async for event in listen(served.worker, stream):
                writing.hear(event)
                yield writing
            if order.memory:
                await self._keep(served.model, writing, stream)
        finally:
            writing.end()
            self._live.discard(writing)

    async def finish(self, writing: Writing) -> Writing:
        """Write all of it as fast as it goes."""
        async for _ in self.write(writing):
            pass
        return writing

    async def _serve(self, name: str) -> Served:
        async with self._opening.setdefault(name, asyncio.Lock()):
            if name not in self._served:
                model = await asyncio.to_thread(self._opener, name)
                self._served[name] = Served(model, model.worker())
        return self._served[name]

    async def _start(self, model: Model, writing: Writing) -> Any:
        """The state behind the seed. Reading takes every step, so it happens on a thread."""
        behind = await self._remembered(model, writing) if writing.order.memory else None
        read = asyncio.get_running_loop().run_in_executor(self._readers, model.read, writing.order.seed, behind)
        reading = await read
        writing.notices += reading.notices
        return reading.snapshot

    async def _remembered(self, model: Model, writing: Writing) -> Any:
        try:
            data = await asyncio.to_thread(self.store.state, writing.order.channel)
            return model.restored(data) if data else None
        except (StateError, StorageError) as error:
            writing.notices.append(f"the memory begins anew: {error}")
            return None

    async def _keep(self, model: Model, writing: Writing, stream: Stream) -> None:
        """Keep where the text ended. The ids that led there stay out: they would be the text itself."""
        order = writing.order
        if not self.settings_of(order.channel, model).memory:
            return  # somebody has switched it off, or had everything forgotten, meanwhile
        snapshot = replace(stream.snapshots[stream.position], history=History(), held="")
        try:
            await asyncio.to_thread(self.store.keep_state, order.channel, order.guild, model.dumped(snapshot))
        except StorageError as error:
            writing.notices.append(f"the memory could not be kept: {error}")
