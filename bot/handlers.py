"""What people can ask for, whichever way they ask: slash command, button, menu, or a line written to the bot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from ..core.commands import registry
from ..core.errors import CommandError
from ..core.sampling.rng import random_rng_seed
from ..core.setting_types import Number, Ramp
from . import formatting
from .button_state import SAMPLING_SETTINGS, ButtonState, decode_state, find_model
from .buttons import LABELS
from .channel_settings import HELP, ChannelContext, ChannelSettings
from .delivery import Delivery
from .replies import Reply
from .setting_specs import SETTINGS, bounded_spec
from .writer import TextRequest, TextService

TEMPERATURE_STEP = 0.2
"""How much hotter or cooler a press of a button is."""

TYPED_HELP = "typed to me: a seed, or /say /temp /settings /model /sweep /explain /memory /help /forget"


class BotMessage(NamedTuple):
    """One of the bot's own messages: its id, what it holds, and the recipe that its buttons carry."""

    id: int
    content: str
    encoded_state: str = ""


class Handlers:
    """Each method answers one wish, or raises AfterglowError. ``who`` is the person's id, for Stop alone."""

    def __init__(self, service: TextService, channel_settings: ChannelSettings, delivery: Delivery) -> None:
        self._service, self._channel_settings, self._delivery = service, channel_settings, delivery

    async def say(self, reply: Reply, context: ChannelContext, user_id: int, seed: str, **overrides: Any) -> None:
        """Write on from a seed."""
        order = await self._service.build_request(context.channel, context.guild, seed, **overrides)
        await self._write(reply, context, user_id, order)

    async def sweep(self, reply: Reply, context: ChannelContext, user_id: int, seed: str) -> None:
        """Write on from a seed at four temperatures."""
        order = await self._service.build_request(context.channel, context.guild, seed)
        await self._delivery.sweep(reply, order, user_id)

    async def continue_from(
        self, reply: Reply, context: ChannelContext, user_id: int, content: str, source_message: int
    ) -> None:
        """Write on from anybody's message; from one of the bot's own, ``source``, from what it says."""
        seed = formatting.parse_own_message(content) if source_message else content
        order = await self._service.build_request(context.channel, context.guild, seed)
        await self._write(
            reply, context, user_id, order._replace(source_message=source_message, memory=False), LABELS["c"]
        )

    async def on_button(
        self,
        reply: Reply,
        context: ChannelContext,
        user_id: int,
        action: str,
        message: BotMessage,
        fetch: Callable[[int], Awaitable[str]],
    ) -> None:
        """What a button under ``found`` asks for; ``fetch`` gets the content of another message of the bot."""
        recipe = decode_state(message.encoded_state)
        if action == "c":
            recipe = recipe._replace(source_message=message.id, seed_length=None, seed_cut=False)
        recipe, what = apply_button(recipe, action)
        content = (
            await fetch(recipe.source_message) if recipe.source_message not in (0, message.id) else message.content
        )
        seed = formatting.parse_own_message(content)[: recipe.seed_length]
        what += f" · of the seed the last {len(seed):,} characters" if recipe.seed_cut else ""
        await self._write(reply, context, user_id, await self._request_from_state(context, recipe, seed), what)

    async def explain(self, reply: Reply, message: BotMessage | None) -> None:
        """How the temperature reshaped the last choice of the bot's latest text."""
        if message is None:
            raise CommandError("there is no text of mine in the last messages here; /say writes one")
        recipe = decode_state(message.encoded_state)
        model = await self._service.get_model(find_model(recipe.model, await self._service.model_names()))
        heat = recipe.temperature.end if isinstance(recipe.temperature, Ramp) else recipe.temperature
        await reply.update(
            await self._channel_settings.explain(model, formatting.parse_own_message(message.content), heat)
        )

    async def on_text(
        self,
        reply: Reply,
        context: ChannelContext,
        user_id: int,
        line: str,
        latest: Callable[[], Awaitable[BotMessage | None]],
    ) -> None:
        """What a line asks for: a seed, or a command where it begins with "/". As everywhere, "//" begins a seed."""
        if not registry.is_command(line):
            return await self.say(reply, context, user_id, registry.unescape_seed(line))
        word, rest = registry.split_command(line)
        word = word.lower()
        if word == "say":
            return await self.say(reply, context, user_id, rest)
        if word == "sweep":
            return await self.sweep(reply, context, user_id, rest)
        if word == "explain":
            return await self.explain(reply, await latest())
        return await reply.update(await self._run_typed_command(context, word, rest))

    async def _run_typed_command(self, context: ChannelContext, name: str, rest: str) -> str:
        """The answer to a typed command that writes no text."""
        if name == "help":
            return HELP
        if name == "model":
            return await self._channel_settings.show_or_set_model(context, rest)
        if name == "forget":
            return await self._channel_settings.forget(context)
        if name in ("set", "settings"):
            name, _, rest = rest.partition(" ")
            if not name:
                return await self._channel_settings.show_all(context)
        return await self._channel_settings.show_or_set(context, _resolve_setting(name), rest.strip() or None)

    async def _write(
        self, reply: Reply, context: ChannelContext, user_id: int, request: TextRequest, change_note: str = ""
    ) -> None:
        watched = bool(self._channel_settings.get(context, "typewriter"))
        await self._delivery.write_text(reply, request, user_id, change_note, watched)

    async def _request_from_state(self, context: ChannelContext, state: ButtonState, seed: str) -> TextRequest:
        """The order that a recipe stands for; what it does not carry is as the channel has it now."""
        name = find_model(state.model, await self._service.model_names())
        model = await self._service.get_model(name)
        usual = {} if state.settings_cut else {each: getattr(model.settings, each) for each in SAMPLING_SETTINGS}
        wishes = usual | state.settings | {"temperature": state.temperature, "length": state.length}
        order = await self._service.build_request(context.channel, context.guild, seed, name, **wishes)
        source = state.source_message if state.seed_length is None else 0
        return order._replace(rng=state.rng, memory=False, source_message=source)


def apply_button(state: ButtonState, action: str) -> tuple[ButtonState, str]:
    """The recipe that a button makes of another, and what to say of it. Raises CommandError at the end of the range."""
    if action == "c":
        return state, LABELS[action]
    if action == "r":
        rng = random_rng_seed()
        return state._replace(rng=rng), f"{LABELS[action]}: rng {state.rng} → {rng}"
    before, after = (
        state.temperature,
        _shift_temperature(state.temperature, TEMPERATURE_STEP if action == "h" else -TEMPERATURE_STEP),
    )
    kind = bounded_spec("temperature").kind
    if after == before:
        raise CommandError(f"T {kind.show(before)} is as far as it goes")
    return state._replace(temperature=after), f"{LABELS[action]}: T {kind.show(before)} → {kind.show(after)}"


def _shift_temperature(temperature: Any, by: float) -> Any:
    kind = bounded_spec("temperature").kind
    assert isinstance(kind, Number)
    if isinstance(temperature, Ramp):
        return Ramp(*(_shift_temperature(end, by) for end in temperature))
    return round(min(kind.high, max(kind.low, temperature + by)), 3)


def _resolve_setting(word: str) -> str:
    """The setting that a typed command's name means; raises CommandError, which lists what there is."""
    name = word.lower().replace("-", "_")
    if name in SETTINGS:
        return name
    try:
        found = registry.lookup_command(word).name
    except CommandError:
        found = ""
    meant = "temperature" if found == "temp" else found.replace("-", "_")
    if meant not in SETTINGS:
        raise CommandError(TYPED_HELP)
    return meant
