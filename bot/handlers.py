"""One handler for each command, menu entry and button. Knows nothing of Discord's events and commands."""

from __future__ import annotations

from ..core.errors import CommandError
from ..core.sampling.rng import random_rng_seed
from ..core.setting_types import Ramp, Temperature
from .button_state import SAMPLING_SETTINGS, ButtonState, decode_state, find_model
from .buttons import LABELS
from .channel_settings import ChannelContext, ChannelSettings
from .delivery import Delivery
from .explanation import explain_text
from .formatting import parse_own_message
from .invocation import BotMessage, Invocation
from .setting_specs import bounded_spec
from .writer import TextRequest, TextService

TEMPERATURE_STEPS = {"h": "+0.2", "l": "-0.2"}
"""Change of the temperature by Hotter and Cooler, as text that the setting parses."""


class Handlers:
    """Answers invocations. Each method sends its answer to ``invocation.reply``, or raises AfterglowError."""

    def __init__(self, service: TextService, channel_settings: ChannelSettings, delivery: Delivery) -> None:
        self._service = service
        self._channel_settings = channel_settings
        self._delivery = delivery

    async def say(
        self, invocation: Invocation, /, seed: str, model: str | None = None, **overrides: float | None
    ) -> None:
        """Continue a seed. ``overrides`` are settings for this text alone; None leaves a setting as it is."""
        channel, guild = invocation.context.channel, invocation.context.guild
        await self._write(invocation, await self._service.build_request(channel, guild, seed, model, **overrides))

    async def sweep(self, invocation: Invocation, seed: str) -> None:
        """Continue a seed at four temperatures."""
        request = await self._service.build_request(invocation.context.channel, invocation.context.guild, seed)
        await self._delivery.sweep(invocation.reply, request, invocation.user_id)

    async def temp(self, invocation: Invocation, value: str | float) -> None:
        """Set the channel's temperature. "" shows it."""
        await self.settings(invocation, "temperature", None if value == "" else value)

    async def settings(self, invocation: Invocation, name: str, value: str | float | None = None) -> None:
        """Set one of the channel's settings. Without ``value`` show it, without ``name`` show all."""
        if name:
            content = await self._channel_settings.show_or_set(invocation.context, name, value)
        else:
            content = await self._channel_settings.show_all(invocation.context)
        await invocation.reply.update(content)

    async def memory(self, invocation: Invocation, state: str) -> None:
        """Switch the channel's memory "on" or "off". "" shows it."""
        await self.settings(invocation, "memory", state or None)

    async def model(self, invocation: Invocation, name: str) -> None:
        """Choose the channel's model. "" lists the models."""
        await invocation.reply.update(await self._channel_settings.show_or_set_model(invocation.context, name))

    async def forget(self, invocation: Invocation, _: str = "") -> None:
        """Delete everything stored for the channel."""
        await invocation.reply.update(await self._channel_settings.forget(invocation.context))

    async def explain(self, invocation: Invocation, _: str = "") -> None:
        """Show how the temperature changed the last choice of the bot's latest text in the channel."""
        message = await invocation.history.latest_text()
        if message is None:
            raise CommandError("there is no recent text of mine in this channel; write one with /say")
        state = decode_state(message.encoded_state)
        model = await self._service.get_model(find_model(state.model, await self._service.model_names()))
        temperature = state.temperature.end if isinstance(state.temperature, Ramp) else state.temperature
        await invocation.reply.update(await explain_text(model, parse_own_message(message.content), temperature))

    async def continue_from(self, invocation: Invocation, content: str, source_message: int) -> None:
        """Continue a message. ``source_message`` is its id if it is the bot's own, else 0."""
        seed = parse_own_message(content) if source_message else content
        request = await self._service.build_request(invocation.context.channel, invocation.context.guild, seed)
        await self._write(invocation, request._replace(source_message=source_message, memory=False), LABELS["c"])

    async def on_button(self, invocation: Invocation, action: str, message: BotMessage) -> None:
        """Write the text that a button under ``message`` asks for. ``action`` is a letter of ``LABELS``."""
        state = decode_state(message.encoded_state)
        if action == "c":
            state = state._replace(source_message=message.id, seed_length=None, seed_cut=False)
        state, change_note = apply_button(state, action)
        content = message.content
        if state.source_message not in (0, message.id):
            content = await invocation.history.content_of(state.source_message)
        seed = parse_own_message(content)[: state.seed_length]
        change_note += f" · from the last {len(seed):,} characters of the seed" if state.seed_cut else ""
        await self._write(invocation, await self.request_from_state(invocation.context, state, seed), change_note)

    async def request_from_state(self, context: ChannelContext, state: ButtonState, seed: str) -> TextRequest:
        """Return the request for a button. Settings that did not fit into its id are the channel's."""
        name = find_model(state.model, await self._service.model_names())
        model = await self._service.get_model(name)
        defaults = {} if state.settings_cut else {each: getattr(model.settings, each) for each in SAMPLING_SETTINGS}
        overrides = defaults | state.settings | {"temperature": state.temperature, "length": state.length}
        request = await self._service.build_request(context.channel, context.guild, seed, name, **overrides)
        source = state.source_message if state.seed_length is None else 0
        return request._replace(rng=state.rng, memory=False, source_message=source)

    async def _write(self, invocation: Invocation, request: TextRequest, change_note: str = "") -> None:
        watched = bool(self._channel_settings.get(invocation.context, "typewriter"))
        await self._delivery.write_text(invocation.reply, request, invocation.user_id, change_note, watched)


def apply_button(state: ButtonState, action: str) -> tuple[ButtonState, str]:
    """Return the state after a press, and a note on what changed. Raises CommandError if T is at its limit."""
    if action == "c":
        return state, LABELS[action]
    if action == "r":
        rng = random_rng_seed()
        return state._replace(rng=rng), f"{LABELS[action]}: rng {state.rng} → {rng}"
    kind = bounded_spec("temperature").kind
    assert isinstance(kind, Temperature)
    before = state.temperature
    after = kind.parse(TEMPERATURE_STEPS[action], before)
    if after == before:
        raise CommandError(f"T {kind.show(before)} is already the limit")
    return state._replace(temperature=after), f"{LABELS[action]}: T {kind.show(before)} → {kind.show(after)}"
