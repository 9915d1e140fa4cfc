"""Shows, changes and deletes the settings and the model of each channel, if the user has the permission."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..core.commands import registry
from ..core.commands.actions import describe_setting
from ..core.commands.effects import Effect
from ..core.errors import AfterglowError, CommandError
from ..core.events import Notice
from ..core.session.session import Session
from ..core.setting_spec import Spec
from ..core.setting_styles import StyleRamp
from ..core.setting_types import Ramp
from . import formatting
from .setting_specs import BOT_SETTINGS, SETTINGS, spec_of
from .store import MODEL_KEY
from .writer import TextService

MAX_ANSWER = 1800
"""Maximum length of an answer in characters. Discord permits 2,000; the rest is for a line added to the answer."""

MAX_TEXTS = 16
"""Maximum number of texts in a setting that is a list of texts, such as ``stop``."""

MAX_TEXT_LENGTH = 100
"""Maximum length of a text in such a list, in characters."""

FORGOTTEN_MESSAGE = "deleted the settings and the memory of this channel"


class ChannelContext(NamedTuple):
    """Ids of an invocation's channel and server (None in direct messages), and its user's permissions there."""

    channel: int
    guild: int | None
    can_manage_channel: bool = True
    can_manage_guild: bool = True


class ChannelSettings:
    """Shows and changes what is stored for channels.

    Methods return the answer to send, except ``get`` and ``choices``. They raise AfterglowError.
    """

    def __init__(self, service: TextService) -> None:
        self._service = service
        self._store = service.store

    def get(self, context: ChannelContext, name: str) -> Any:
        """Return the value of one of the ``BOT_SETTINGS`` for a channel or its server."""
        spec = BOT_SETTINGS[name]
        if spec.scope == "server":
            stored = self._store.guild_settings(context.guild)
        else:
            stored = self._store.settings(context.channel)
        return stored.get(name, spec.default)

    async def show_or_set(self, context: ChannelContext, name: str, new_value: str | float | None = None) -> str:
        """Change a setting and return "name old → new". If ``new_value`` is None, return its value and help.

        A string is parsed; "reset" restores the default.
        """
        spec = spec_of(name)
        session = await self._new_session(context)
        before = self._current(context, session, spec.name)
        if new_value is None:
            return _escape_and_truncate(describe_setting(session, spec, before))
        if new_value == "reset":
            value = spec.default if spec.name in BOT_SETTINGS else session.default_of(spec.name)
        else:
            value = spec.parse(new_value, before) if isinstance(new_value, str) else spec.check(new_value)
        _check_text_limits(spec, value)
        return await self._apply_change(context, session, spec, before, value)

    async def show_all(self, context: ChannelContext) -> str:
        """Return all settings with their values, and the model."""
        session = await self._new_session(context)
        shown = [f"{s.label} {s.kind.show(self._current(context, session, name))}" for name, s in SETTINGS.items()]
        model = formatting.escape(await self._service.resolve_model_name(context.channel))
        return f"{_escape_and_truncate(', '.join(shown))}\n-# {model}; /settings NAME explains one"

    async def choices(self, context: ChannelContext, name: str) -> list[str]:
        """Return values to suggest for a setting: the current one first, "reset" last."""
        spec = spec_of(name)
        session = await self._new_session(context)
        current = self._current(context, session, spec.name)
        permitted = [value for value in spec.kind.examples if _is_permitted(spec, value)]
        styles = session.model.voices.names if spec.name == "style" else ()
        return list(dict.fromkeys([spec.kind.show(current), *permitted, *styles, "reset"]))

    async def show_or_set_model(self, context: ChannelContext, name: str = "") -> str:
        """Choose the channel's model and return "model old → new". Without a name return the list of models."""
        current = await self._service.resolve_model_name(context.channel)
        if not name:
            names = await self._service.model_names()
            shown = ", ".join(f"{each} (current)" if each == current else each for each in names)
            return _escape_and_truncate(f"models: {shown}")
        chosen = await self._service.resolve_model_name(context.channel, name)
        self._check_unlocked(context)
        await self._service.get_model(chosen)
        await asyncio.to_thread(self._store.save_setting, context.channel, context.guild, MODEL_KEY, chosen)
        return formatting.escape(f"model {current} → {chosen}")

    async def forget(self, context: ChannelContext) -> str:
        """Delete everything stored for a channel."""
        if not context.can_manage_channel:
            raise CommandError("you need the Manage Channel permission for that")
        await asyncio.to_thread(self._store.forget_channel, context.channel)
        return FORGOTTEN_MESSAGE

    async def _new_session(self, context: ChannelContext) -> Session:
        model = await self._service.get_model(await self._service.resolve_model_name(context.channel))
        return Session(model, self._service.settings_of(context.channel, model))

    def _current(self, context: ChannelContext, session: Session, name: str) -> Any:
        return self.get(context, name) if name in BOT_SETTINGS else getattr(session.settings, name)

    async def _apply_change(
        self, context: ChannelContext, session: Session, spec: Spec, before: object, value: object
    ) -> str:
        self._check_permission(context, spec)
        if spec.name in BOT_SETTINGS:
            answer = f"{spec.label} {spec.kind.show(before)} → {spec.kind.show(value)}"
        else:
            answer = _notice_text(registry.lookup_command(spec.label).run(session, value))
        await asyncio.to_thread(self._store.save_setting, context.channel, context.guild, spec.name, value)
        if spec.name == "temperature":
            self._service.set_temperature(context.channel, session.settings.temperature)
        if spec.name == "memory" and value != before:
            await asyncio.to_thread(self._store.forget_state, context.channel)
        return answer

    def _check_permission(self, context: ChannelContext, spec: Spec) -> None:
        if spec.scope == "server" and (context.guild is None or not context.can_manage_guild):
            raise CommandError(f"you need the Manage Server permission to change {spec.label}")
        if spec.name == "locked" and not context.can_manage_channel:
            raise CommandError("you need the Manage Channel permission to lock the settings")
        self._check_unlocked(context)

    def _check_unlocked(self, context: ChannelContext) -> None:
        if self.get(context, "locked") and not context.can_manage_channel:
            raise CommandError("the settings of this channel are locked; only its managers can change them")


def _is_permitted(spec: Spec, text: str) -> bool:
    try:
        spec.parse(text, spec.default)
    except AfterglowError:
        return False
    return True


def _notice_text(effects: Iterable[Effect]) -> str:
    """Return the text of the notices among a command's effects."""
    return _escape_and_truncate("\n".join(effect.text for effect in effects if isinstance(effect, Notice)))


def _check_text_limits(spec: Spec, value: object) -> None:
    """Raise CommandError if a list of texts is too long: all of it is searched at every token, for all channels."""
    if not isinstance(value, tuple) or isinstance(value, Ramp | StyleRamp):
        return
    texts = [each if isinstance(each, str) else each[0] for each in value]
    if len(texts) > MAX_TEXTS or any(len(text) > MAX_TEXT_LENGTH for text in texts):
        raise CommandError(f"{spec.label} can have at most {MAX_TEXTS} texts of {MAX_TEXT_LENGTH} characters")


def _escape_and_truncate(content: str) -> str:
    content = formatting.escape(content)
    return content if len(content) <= MAX_ANSWER else f"{content[:MAX_ANSWER]} …"
