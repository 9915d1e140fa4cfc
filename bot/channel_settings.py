"""What can be set and asked in a channel, through core's command table: settings, model, help, explain, forgetting."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..core.commands import explain, registry
from ..core.commands.effects import Effect, Listing
from ..core.errors import AfterglowError, CommandError
from ..core.events import Notice
from ..core.model import Model
from ..core.sampling.temperature import at_temperatures
from ..core.session.passage import Node
from ..core.session.session import Session
from ..core.setting_types import Ramp
from ..core.settings import Spec
from . import formatting
from .setting_specs import OWN, SETTINGS, spec_of
from .store import MODEL
from .writer import Writer

HELP = (
    "`/say` writes on from a seed; `/temp` sets how daring it is here; `/settings`, `/model`, `/sweep`, `/explain`, "
    "`/memory` do more; a mention of me works too, and the buttons under a text.\n"
    "Kept: this channel's settings and, with memory on, a few KB of the model's state. No messages, nothing about "
    "people; nothing here trains anything.\n"
    "To have it removed: `/forget` here, or remove me from the server, and it is gone at once."
)
ANSWER = 1800
"""Characters of an answer that are shown; a message holds a few more."""

TEXTS_AT_MOST, TEXT_AT_MOST = 16, 100

FORGOTTEN = "settings and memory of this channel are gone"


class Place(NamedTuple):
    """Where somebody asks, and what they may do there: manage the channel, manage the server."""

    channel: int
    guild: int | None
    manager: bool = True
    keeper: bool = True


class Channels:
    """Shows and changes what is kept of channels. Answers are lines that can be sent; all raise AfterglowError."""

    def __init__(self, writer: Writer) -> None:
        self._writer, self._store = writer, writer.store

    def value(self, place: Place, name: str) -> Any:
        """What one of the bot's own settings is in a place."""
        kept = self._store.guild_settings(place.guild) if OWN[name].scope == "server" else None
        return (self._store.settings(place.channel) if kept is None else kept).get(name, OWN[name].default)

    async def setting(self, place: Place, name: str, wish: str | float | None = None) -> str:
        """Show a setting, or change it and say from what to what."""
        spec = spec_of(name)
        session = await self._session(place)
        before = self.value(place, spec.name) if spec.name in OWN else getattr(session.settings, spec.name)
        if wish is None:
            return _fitting(formatting.safe(f"{spec.label} {spec.kind.show(before)}: {spec.help} ({spec.kind.range})"))
        if wish == "reset":
            value = spec.default if spec.name in OWN else session.default(spec.name)
        else:
            value = spec.parse(wish, before) if isinstance(wish, str) else spec.check(wish)
        _require_few(spec, value)
        return await self._changed(place, session, spec, before, value)

    async def listing(self, place: Place) -> str:
        """All settings with their values."""
        settings = (await self._session(place)).settings
        shown = [
            f"{spec.label} {spec.kind.show(self.value(place, n) if n in OWN else getattr(settings, n))}"
            for n, spec in SETTINGS.items()
        ]
        model = formatting.safe(await self._writer.model_of(place.channel))
        return f"{_fitting(formatting.safe(', '.join(shown)))}\n-# {model}; /settings NAME tells more"

    async def choices(self, place: Place, name: str) -> list[str]:
        """Values worth offering for a setting."""
        spec = spec_of(name)
        settings = (await self._session(place)).settings
        now = self.value(place, spec.name) if spec.name in OWN else getattr(settings, spec.name)
        fits = [value for value in spec.kind.examples if _permitted(spec, value)]
        return list(dict.fromkeys([spec.kind.show(now), *fits, "reset"]))

    async def model(self, place: Place, name: str = "") -> str:
        """Name the models, or let another one play in a channel."""
        now, names = await self._writer.model_of(place.channel), await self._writer.names()
        if not name:
            return _fitting(formatting.safe("models: " + ", ".join(f"{n} (here)" if n == now else n for n in names)))
        chosen = await self._writer.model_of(place.channel, name)
        self._require_unlocked(place)
        await self._writer.model(chosen)
        await asyncio.to_thread(self._store.keep, place.channel, place.guild, MODEL, chosen)
        return formatting.safe(f"model {now} → {chosen}")

    async def forget(self, place: Place) -> str:
        """Remove all that is kept of a channel."""
        if not place.manager:
            raise CommandError("only who may manage this channel can do that")
        await asyncio.to_thread(self._store.forget_channel, place.channel)
        return FORGOTTEN

    async def explain(self, model: Model, text: str, temperature: float) -> str:
        """How ``temperature`` reshaped the choice of the last token of ``text``."""
        return await asyncio.to_thread(_explained, model, text, temperature)

    async def _session(self, place: Place) -> Session:
        model = await self._writer.model(await self._writer.model_of(place.channel))
        return Session(model, self._writer.settings_of(place.channel, model))

    async def _changed(self, place: Place, session: Session, spec: Spec, before: Any, value: Any) -> str:
        self._require(place, spec)
        if spec.name in OWN:
            answer = f"{spec.label} {spec.kind.show(before)} → {spec.kind.show(value)}"
        else:
            answer = _told(registry.find(spec.label).run(session, value))
        await asyncio.to_thread(self._store.keep, place.channel, place.guild, spec.name, value)
        if spec.name == "temperature":
            self._writer.turn(place.channel, value)
        if spec.name == "memory" and value != before:
            await asyncio.to_thread(self._store.forget_state, place.channel)
        return answer

    def _require(self, place: Place, spec: Spec) -> None:
        if spec.scope == "server" and (place.guild is None or not place.keeper):
            raise CommandError(f"only who may manage the server can change {spec.label}")
        if spec.name == "locked" and not place.manager:
            raise CommandError("only who may manage this channel can lock its settings")
        self._require_unlocked(place)

    def _require_unlocked(self, place: Place) -> None:
        if self.value(place, "locked") and not place.manager:
            raise CommandError("only who may manage this channel can change its settings: they are locked")


def table(listing: Listing) -> str:
    """A listing as Discord shows columns: in a block, with nothing in it that could end the block."""
    inside = formatting.clean("\n".join(listing.lines())).replace("`", "ˋ")[:1500]
    return f"{formatting.safe(listing.title)}\n```\n{inside}\n```"


def _explained(model: Model, text: str, temperature: float) -> str:
    ids = [int(i) for i in model.tokenizer.encode(text)]
    if not ids:
        raise CommandError("there is no text of mine here to explain; /say writes one")
    # Word parts can be cut in several ways: which one was drawn last cannot be read off a text.
    last = ids.pop() if model.tokenizer.kind in ("char", "byte") else None
    session = Session(model, model.settings.changed(temperature=temperature))
    session.passage.add(Node(None, seed=model.tokenizer.decode(ids)))
    tables = "\n".join(map(table, _listings(explain.explain(session))))
    return f"{_choice(session, temperature, last)}\n{tables}"


def _choice(session: Session, temperature: float, last: int | None) -> str:
    """What the tables below are about: the choice that was made there, where it is known."""
    if last is None:
        return "what may come next"
    logprobs = session.next_logprobs()
    assert logprobs is not None
    raw, shaped = (chances[last] for chances in at_temperatures(logprobs, (1.0, temperature)))
    came = formatting.safe(repr(session.model.tokenizer.decode([last])))
    return f"the last choice was {came}, {raw:.3f} → {shaped:.3f}; before it"


def _permitted(spec: Spec, text: str) -> bool:
    try:
        spec.parse(text, spec.default)
    except AfterglowError:
        return False
    return True


def _listings(effects: Iterable[Effect]) -> Iterator[Listing]:
    return (effect for effect in effects if isinstance(effect, Listing))


def _told(effects: Iterable[Effect]) -> str:
    return _fitting(formatting.safe("\n".join(effect.text for effect in effects if isinstance(effect, Notice))))


def _require_few(spec: Spec, value: Any) -> None:
    """Texts are looked for at every token, in everybody's time: a channel may have a few short ones."""
    if (
        isinstance(value, tuple)
        and not isinstance(value, Ramp)
        and (len(value) > TEXTS_AT_MOST or any(len(text) > TEXT_AT_MOST for text in value))
    ):
        raise CommandError(f"{spec.label} can hold {TEXTS_AT_MOST} texts of {TEXT_AT_MOST} characters here")


def _fitting(content: str) -> str:
    return content if len(content) <= ANSWER else f"{content[:ANSWER]} …"
