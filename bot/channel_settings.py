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
from ..core.sampling.temperature import probs_at_temperatures
from ..core.session.lens import next_logprobs
from ..core.session.passage import Node
from ..core.session.session import Session
from ..core.setting_types import Ramp
from ..core.settings import Spec
from . import formatting
from .setting_specs import BOT_SETTINGS, SETTINGS, spec_of
from .store import MODEL_KEY
from .writer import TextService

HELP = (
    "`/say` writes on from a seed; `/temp` sets how daring it is here; `/settings`, `/model`, `/sweep`, `/explain`, "
    "`/memory` do more; a mention of me works too, and the buttons under a text.\n"
    "Kept: this channel's settings and, with memory on, a few KB of the model's state. No messages, nothing about "
    "people; nothing here trains anything.\n"
    "To have it removed: `/forget` here, or remove me from the server, and it is gone at once."
)
MAX_ANSWER = 1800
"""Characters of an answer that are shown; a message holds a few more."""

MAX_TEXTS, MAX_TEXT_LENGTH = 16, 100

FORGOTTEN_MESSAGE = "settings and memory of this channel are gone"


class ChannelContext(NamedTuple):
    """Where somebody asks, and what they may do there: manage the channel, manage the server."""

    channel: int
    guild: int | None
    can_manage_channel: bool = True
    can_manage_guild: bool = True


class ChannelSettings:
    """Shows and changes what is kept of channels. Answers are lines that can be sent; all raise AfterglowError."""

    def __init__(self, service: TextService) -> None:
        self._service, self._store = service, service.store

    def get(self, context: ChannelContext, name: str) -> Any:
        """What one of the bot's own settings is in a place."""
        kept = self._store.guild_settings(context.guild) if BOT_SETTINGS[name].scope == "server" else None
        return (self._store.settings(context.channel) if kept is None else kept).get(name, BOT_SETTINGS[name].default)

    async def show_or_set(self, context: ChannelContext, name: str, new_value: str | float | None = None) -> str:
        """Show a setting, or change it and say from what to what."""
        spec = spec_of(name)
        session = await self._new_session(context)
        before = self.get(context, spec.name) if spec.name in BOT_SETTINGS else getattr(session.settings, spec.name)
        if new_value is None:
            return _truncate(
                formatting.escape(f"{spec.label} {spec.kind.show(before)}: {spec.help} ({spec.kind.range})")
            )
        if new_value == "reset":
            value = spec.default if spec.name in BOT_SETTINGS else session.default_of(spec.name)
        else:
            value = spec.parse(new_value, before) if isinstance(new_value, str) else spec.check(new_value)
        _check_text_limits(spec, value)
        return await self._apply_change(context, session, spec, before, value)

    async def show_all(self, context: ChannelContext) -> str:
        """All settings with their values."""
        settings = (await self._new_session(context)).settings
        shown = [
            f"{spec.label} {spec.kind.show(self.get(context, n) if n in BOT_SETTINGS else getattr(settings, n))}"
            for n, spec in SETTINGS.items()
        ]
        model = formatting.escape(await self._service.model_of(context.channel))
        return f"{_truncate(formatting.escape(', '.join(shown)))}\n-# {model}; /settings NAME tells more"

    async def choices(self, context: ChannelContext, name: str) -> list[str]:
        """Values worth offering for a setting."""
        spec = spec_of(name)
        settings = (await self._new_session(context)).settings
        now = self.get(context, spec.name) if spec.name in BOT_SETTINGS else getattr(settings, spec.name)
        fits = [value for value in spec.kind.examples if _is_permitted(spec, value)]
        return list(dict.fromkeys([spec.kind.show(now), *fits, "reset"]))

    async def show_or_set_model(self, context: ChannelContext, name: str = "") -> str:
        """Name the models, or let another one play in a channel."""
        now, names = await self._service.model_of(context.channel), await self._service.model_names()
        if not name:
            return _truncate(formatting.escape("models: " + ", ".join(f"{n} (here)" if n == now else n for n in names)))
        chosen = await self._service.model_of(context.channel, name)
        self._check_unlocked(context)
        await self._service.get_model(chosen)
        await asyncio.to_thread(self._store.save_setting, context.channel, context.guild, MODEL_KEY, chosen)
        return formatting.escape(f"model {now} → {chosen}")

    async def forget(self, context: ChannelContext) -> str:
        """Remove all that is kept of a channel."""
        if not context.can_manage_channel:
            raise CommandError("only who may manage this channel can do that")
        await asyncio.to_thread(self._store.forget_channel, context.channel)
        return FORGOTTEN_MESSAGE

    async def explain(self, model: Model, text: str, temperature: float) -> str:
        """How ``temperature`` reshaped the choice of the last token of ``text``."""
        return await asyncio.to_thread(_explain_text, model, text, temperature)

    async def _new_session(self, context: ChannelContext) -> Session:
        model = await self._service.get_model(await self._service.model_of(context.channel))
        return Session(model, self._service.settings_of(context.channel, model))

    async def _apply_change(
        self, context: ChannelContext, session: Session, spec: Spec, before: Any, value: Any
    ) -> str:
        self._check_permission(context, spec)
        if spec.name in BOT_SETTINGS:
            answer = f"{spec.label} {spec.kind.show(before)} → {spec.kind.show(value)}"
        else:
            answer = _notice_text(registry.lookup_command(spec.label).run(session, value))
        await asyncio.to_thread(self._store.save_setting, context.channel, context.guild, spec.name, value)
        if spec.name == "temperature":
            self._service.set_temperature(context.channel, value)
        if spec.name == "memory" and value != before:
            await asyncio.to_thread(self._store.forget_state, context.channel)
        return answer

    def _check_permission(self, context: ChannelContext, spec: Spec) -> None:
        if spec.scope == "server" and (context.guild is None or not context.can_manage_guild):
            raise CommandError(f"only who may manage the server can change {spec.label}")
        if spec.name == "locked" and not context.can_manage_channel:
            raise CommandError("only who may manage this channel can lock its settings")
        self._check_unlocked(context)

    def _check_unlocked(self, context: ChannelContext) -> None:
        if self.get(context, "locked") and not context.can_manage_channel:
            raise CommandError("only who may manage this channel can change its settings: they are locked")


def format_table(listing: Listing) -> str:
    """A listing as Discord shows columns: in a block, with nothing in it that could end the block."""
    inside = formatting.clean("\n".join(listing.lines())).replace("`", "ˋ")[:1500]
    return f"{formatting.escape(listing.title)}\n```\n{inside}\n```"


def _explain_text(model: Model, text: str, temperature: float) -> str:
    ids = [int(i) for i in model.tokenizer.encode(text)]
    if not ids:
        raise CommandError("there is no text of mine here to explain; /say writes one")
    # Word parts can be cut in several ways: which one was drawn last cannot be read off a text.
    last = ids.pop() if model.tokenizer.kind in ("char", "byte") else None
    session = Session(model, model.settings.changed(temperature=temperature))
    session.passage.add(Node(None, seed=model.tokenizer.decode(ids)))
    tables = "\n".join(map(format_table, _listings(explain.explain(session))))
    return f"{_describe_choice(session, temperature, last)}\n{tables}"


def _describe_choice(session: Session, temperature: float, last: int | None) -> str:
    """What the tables below are about: the choice that was made there, where it is known."""
    if last is None:
        return "what may come next"
    logprobs = next_logprobs(session)
    assert logprobs is not None
    raw, shaped = (chances[last] for chances in probs_at_temperatures(logprobs, (1.0, temperature)))
    came = formatting.escape(repr(session.model.tokenizer.decode([last])))
    return f"the last choice was {came}, {raw:.3f} → {shaped:.3f}; before it"


def _is_permitted(spec: Spec, text: str) -> bool:
    try:
        spec.parse(text, spec.default)
    except AfterglowError:
        return False
    return True


def _listings(effects: Iterable[Effect]) -> Iterator[Listing]:
    return (effect for effect in effects if isinstance(effect, Listing))


def _notice_text(effects: Iterable[Effect]) -> str:
    return _truncate(formatting.escape("\n".join(effect.text for effect in effects if isinstance(effect, Notice))))


def _check_text_limits(spec: Spec, value: Any) -> None:
    """Texts are looked for at every token, in everybody's time: a channel may have a few short ones."""
    if (
        isinstance(value, tuple)
        and not isinstance(value, Ramp)
        and (len(value) > MAX_TEXTS or any(len(text) > MAX_TEXT_LENGTH for text in value))
    ):
        raise CommandError(f"{spec.label} can hold {MAX_TEXTS} texts of {MAX_TEXT_LENGTH} characters here")


def _truncate(content: str) -> str:
    return content if len(content) <= MAX_ANSWER else f"{content[:MAX_ANSWER]} …"
