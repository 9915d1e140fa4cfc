"""The slash commands as Discord knows them, and how they get registered. What they do is the desk's."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import discord
from discord import app_commands

from .base_client import BaseClient, error_message
from .channel_settings import HELP
from .replies import InteractionReply
from .setting_specs import BOT_SETTINGS, SETTINGS, bounded_spec, option_range
from .store import Store

if TYPE_CHECKING:
    Temperature: TypeAlias = float
    Length: TypeAlias = int
    Rng: TypeAlias = int
    Seed: TypeAlias = str
else:
    # Discord.py reads an option's type at run time; ranges come from the settings' declaration.
    Temperature, Length, Rng = option_range("temperature"), option_range("length"), option_range("rng")
    Seed = app_commands.Range[str, 0, 6000]

MAX_CHOICES = 25
"""Suggestions that Discord shows at most."""

BotInteraction: TypeAlias = discord.Interaction[BaseClient]


class BotCommandTree(app_commands.CommandTree["BaseClient"]):
    """The commands; before each the client is asked whether it may, and when one fails, told."""

    async def interaction_check(self, interaction: BotInteraction, /) -> bool:
        """Suggestions are free; everything else is admitted or refused."""
        return interaction.type is discord.InteractionType.autocomplete or await interaction.client.allow(interaction)

    async def on_error(self, interaction: BotInteraction, error: Exception, /) -> None:
        """What failed before the command itself began."""
        if interaction.type is not discord.InteractionType.autocomplete:
            await interaction.client.send_error(InteractionReply(interaction), error_message(error))


def build_tree(client: BaseClient) -> BotCommandTree:
    """All commands for a client."""
    command_tree = BotCommandTree(client, allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True))
    commands: list[Any] = [say, temp, settings, model, sweep, explain, memory, help_, forget, continue_this]
    for command in commands:
        command_tree.add_command(command)
    return command_tree


async def register(commands: BotCommandTree, application_id: int, store: Store) -> bool:
    """Tell Discord of the commands if their shape is another than last time; whether it was."""
    payload = [command.to_dict(commands) for command in commands.get_commands()]
    shape = json.dumps([application_id, payload], sort_keys=True).encode()
    fingerprint = hashlib.sha256(shape).hexdigest()
    if store.commands_fingerprint == fingerprint:
        return False
    await commands.sync()
    await asyncio.to_thread(store.set_meta, "commands", fingerprint)
    return True


@app_commands.command()
@app_commands.describe(
    seed="how the text begins",
    temperature=bounded_spec("temperature").help,
    length=bounded_spec("length").help,
    model="another model than the usual one",
    rng=bounded_spec("rng").help,
)
async def say(
    interaction: BotInteraction,
    seed: Seed,
    temperature: Temperature | None = None,
    length: Length | None = None,
    model: str | None = None,
    rng: Rng | None = None,
) -> None:
    """Write on from a seed"""
    desk, place = interaction.client.handlers, interaction.client.context_of(interaction)
    answer, wishes = InteractionReply(interaction), {"temperature": temperature, "length": length, "rng": rng}
    await interaction.client.respond(answer, desk.say(answer, place, interaction.user.id, seed, model=model, **wishes))


@app_commands.command()
@app_commands.describe(value=bounded_spec("temperature").help)
async def temp(interaction: BotInteraction, value: Temperature) -> None:
    """Set the temperature of this channel"""
    channels, place = interaction.client.channel_settings, interaction.client.context_of(interaction)
    await _respond_with(interaction, channels.show_or_set(place, "temperature", value))


@app_commands.command()
@app_commands.describe(name="which setting; none: all of them", value="its new value, or reset; none: what it is")
async def settings(interaction: BotInteraction, name: str = "", value: str | None = None) -> None:
    """Show the settings of this channel, or change one"""
    channels, place = interaction.client.channel_settings, interaction.client.context_of(interaction)
    await _respond_with(interaction, channels.show_or_set(place, name, value) if name else channels.show_all(place))


@app_commands.command()
@app_commands.describe(name="the one to play from now on; none: list them")
async def model(interaction: BotInteraction, name: str = "") -> None:
    """Show the models, or let another one play in this channel"""
    channels, place = interaction.client.channel_settings, interaction.client.context_of(interaction)
    await _respond_with(interaction, channels.show_or_set_model(place, name))


@app_commands.command()
@app_commands.describe(seed="how the text begins")
async def sweep(interaction: BotInteraction, seed: Seed) -> None:
    """Write on from one seed at four temperatures"""
    desk, place = interaction.client.handlers, interaction.client.context_of(interaction)
    answer = InteractionReply(interaction)
    await interaction.client.respond(answer, desk.sweep(answer, place, interaction.user.id, seed))


@app_commands.command()
async def explain(interaction: BotInteraction) -> None:
    """Show how the temperature reshaped the last choice"""
    client, answer = interaction.client, InteractionReply(interaction)

    async def work() -> None:
        await client.handlers.explain(answer, await client.find_latest_message(interaction.channel_id or 0))

    await client.respond(answer, work())


@app_commands.command()
@app_commands.describe(state=bounded_spec("memory").help)
async def memory(interaction: BotInteraction, state: Literal["on", "off"]) -> None:
    """Let the texts of this channel go on from each other, or not"""
    channels, place = interaction.client.channel_settings, interaction.client.context_of(interaction)
    await _respond_with(interaction, channels.show_or_set(place, "memory", state))


@app_commands.command(name="help")
async def help_(interaction: BotInteraction) -> None:
    """What there is, what is kept, and how to have it removed"""
    await interaction.response.send_message(HELP, ephemeral=True)


@app_commands.command()
async def forget(interaction: BotInteraction) -> None:
    """Remove all that is kept of this channel"""
    channels, place = interaction.client.channel_settings, interaction.client.context_of(interaction)
    await _respond_with(interaction, channels.forget(place))


@app_commands.context_menu(name="Continue this")
async def continue_this(interaction: BotInteraction, message: discord.Message) -> None:
    """Write on from a message."""
    client, answer = interaction.client, InteractionReply(interaction)
    own = message.id if client.user and message.author.id == client.user.id else 0
    place = client.context_of(interaction)
    await client.respond(
        answer, client.handlers.continue_from(answer, place, interaction.user.id, message.content, own)
    )


@settings.autocomplete("name")
async def _suggest_settings(_: BotInteraction, current: str) -> list[app_commands.Choice[str]]:
    wanted = current.strip().lower().replace("_", "-")
    specs = [*BOT_SETTINGS.values(), *(spec for name, spec in SETTINGS.items() if name not in BOT_SETTINGS)]
    found = [spec for spec in specs if wanted in spec.label]
    found.sort(key=lambda spec: not spec.label.startswith(wanted))
    return [app_commands.Choice(name=f"{s.label}: {s.help}"[:100], value=s.label) for s in found][:MAX_CHOICES]


@settings.autocomplete("value")
async def _suggest_values(interaction: BotInteraction, current: str) -> list[app_commands.Choice[str]]:
    client, name = interaction.client, str(getattr(interaction.namespace, "name", ""))
    if name.replace("-", "_") not in SETTINGS:
        return []
    values = await client.channel_settings.choices(client.context_of(interaction), name)
    # One that is too long is left out: cut, it would mean something else.
    fitting = (value for value in values if current.lower() in value.lower() and len(value) <= 100)
    return [_choice(value) for value in fitting][:MAX_CHOICES]


@say.autocomplete("model")
@model.autocomplete("name")
async def _suggest_models(interaction: BotInteraction, current: str) -> list[app_commands.Choice[str]]:
    names = await interaction.client.service.model_names()
    return [_choice(name) for name in names if current.lower() in name.lower()][:MAX_CHOICES]


def _choice(value: str) -> app_commands.Choice[str]:
    return app_commands.Choice(name=value[:100], value=value[:100])


async def _respond_with(interaction: BotInteraction, work: Any) -> None:
    """Answer with the line that ``work`` makes."""
    answer = InteractionReply(interaction)

    async def tell() -> None:
        await answer.update(await work)

    await interaction.client.respond(answer, tell())
