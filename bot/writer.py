"""What the bot can do, before any of Discord's forms: write from a seed, turn a channel's temperature."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

from ..core import commands, library
from ..core.effects import Effect
from ..core.errors import AfterglowError, CommandError, ModelError, SettingError
from ..core.events import Done, Notice, Token
from ..core.model import Model, load
from ..core.session import Session
from . import messages
from .limits import narrowed
from .store import Store

QUEUE = 10
"""Texts that may wait for their turn; who comes later is told to try again."""

ONLY = "there are two commands here: /say SEED and /temp VALUE"


class Writer:
    """Turns seeds into messages, one at a time, off the event loop. Every answer is content that can be sent.

    ``default`` is the model that plays where nobody names one; others come from the library by name, never by path.
    """

    def __init__(self, default: Model, store: Store, opener: Callable[[str], Model] = load) -> None:
        self._default, self._store, self._opener = default, store, opener
        self._models = {default.name: default}
        self._turn, self._waiting = asyncio.Lock(), 0
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End the text that is being written where it is, and write no more."""
        self._stopping.set()

    def model_names(self) -> list[str]:
        """The models that can be asked for."""
        return sorted({self._default.name, *(entry.name for entry in library.entries())})

    async def write(self, channel: int, seed: str, model: str | None = None, **wishes: Any) -> str:
        """A new text from ``seed`` with the channel's settings, and ``wishes`` by name over them (None is no wish).

        Raises AfterglowError: a value out of range, an unknown model, too many waiting.
        """
        chosen = {name: narrowed(name).check(value) for name, value in wishes.items() if value is not None}
        self._check_name(model)
        if self._waiting > QUEUE:
            raise AfterglowError(f"{QUEUE} texts are waiting already; try again in a moment")
        self._waiting += 1
        try:
            async with self._turn:
                settings = {**self._store.settings(channel), **chosen}
                return await asyncio.to_thread(self._written, seed, model, settings)
        finally:
            self._waiting -= 1

    def temperature(self, channel: int, guild: int | None, *value: Any) -> str:
        """Set the channel's temperature and say from what to what; without a value say what it is."""
        if value:
            narrowed("temperature").check(value[0])
        session = self._session(channel)
        answer = _said(commands.find("temperature").run(session, *value))
        if value:
            self._store.keep(channel, guild, "temperature", session.settings.temperature)
        return messages.safe(answer)

    async def answer(self, channel: int, guild: int | None, line: str) -> str:
        """What a typed line gets: ``/temp`` and ``/say`` as typed commands, everything else is a seed.

        As everywhere, "//" begins a seed with a slash.
        """
        word, _, rest = line.partition(" ")
        if word == "/say":
            return await self.write(channel, rest.strip())
        if line.startswith("/") and not line.startswith("//"):
            return self._typed(channel, guild, line)
        return await self.write(channel, line.removeprefix("/") if line.startswith("//") else line)

    def _typed(self, channel: int, guild: int | None, line: str) -> str:
        word, _, rest = line.removeprefix("/").partition(" ")
        if not _means_temperature(word):
            raise CommandError(ONLY)
        try:
            _, values = commands.parsed(self._session(channel), line)
        except SettingError:
            raise narrowed("temperature").error(rest) from None
        return self.temperature(channel, guild, *values)

    def _session(self, channel: int) -> Session:
        model = self._default
        return Session(model, model.settings.changed(**self._store.settings(channel)), self._opener)

    def _check_name(self, name: str | None) -> None:
        if name is not None and name not in self.model_names():
            raise ModelError(f"there is no model {name[:40]!r}; there are: {', '.join(self.model_names())}")

    def _written(self, seed: str, name: str | None, settings: dict[str, Any]) -> str:
        """The whole message. Runs in a worker thread, one at a time."""
        model = self._model(name)
        asked = model.settings.changed(**settings)
        length = min(asked.length, messages.room(seed))
        session = Session(model, asked.changed(length=length), self._opener)
        text, notices = self._played(session, seed)
        if length < asked.length:
            notices.append(f"{length:,} characters instead of {asked.length:,}: a message holds no more")
        return messages.compose(seed, text, [session.summary(), *notices])

    def _played(self, session: Session, seed: str) -> tuple[str, list[str]]:
        """The text that goes on from ``seed``, and what the reader should know of it."""
        texts, notices = [], []
        for event in session.say(seed):
            if isinstance(event, Notice):
                notices.append(event.text)
            elif isinstance(event, Token | Done):
                texts.append(event.text)
            if self._stopping.is_set():
                session.stop()
        return "".join(texts), notices

    def _model(self, name: str | None) -> Model:
        name = name or self._default.name
        if name not in self._models:
            self._models[name] = self._opener(name)
        return self._models[name]


def _means_temperature(word: str) -> bool:
    try:
        return commands.find(word) is commands.find("temperature")
    except CommandError:
        return False


def _said(effects: Iterator[Effect]) -> str:
    return "\n".join(effect.text for effect in effects if isinstance(effect, Notice))
