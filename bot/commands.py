"""The slash commands as Discord knows them, and how they get registered. What they do is the desk's."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import discord
from discord import app_commands

from .base_client import Host, told
from .channel_settings import HELP
from .replies import ToInteraction
from .setting_specs import OWN, SETTINGS, narrowed, option
from .store import Store

if TYPE_CHECKING:
    Temperature: TypeAlias = float
    Length: TypeAlias = int
    Rng: TypeAlias = int
    Seed: TypeAlias = str
else:
    # Discord.py reads an option's type at run time; ranges come from the settings' declaration.
    Temperature, Length, Rng = option("temperature"), option("length"), option("rng")
    Seed = app_commands.Range[str, 0, 6000]

CHOICES = 25
"""Suggestions that Discord shows at most."""

Asked: TypeAlias = discord.Interaction[Host]


class Tree(app_commands.CommandTree["Host"]):
    """The commands; before each the client is asked whether it may, and when one fails, told."""

    async def interaction_check(self, interaction: Asked, /) -> bool:
        """Suggestions are free; everything else is admitted or refused."""
        return interaction.type is discord.InteractionType.autocomplete or await interaction.client.admits(interaction)

    async def on_error(self, interaction: Asked, error: Exception, /) -> None:
        """What failed before the command itself began."""
        if interaction.type is not discord.InteractionType.autocomplete:
            await interaction.client.refuse(ToInteraction(interaction), told(error))


def tree(client: Host) -> Tree:
    """All commands for a client."""
    made = Tree(client, allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True))
    commands: list[Any] = [say, temp, settings, model, sweep, explain, memory, help_, forget, continue_this]
    for command in commands:
        made.add_command(command)
    return made


async def register(commands: Tree, application: int, store: Store) -> bool:
    """Tell Discord of the commands if their shape is another than last time; whether it was."""
    payload = [command.to_dict(commands) for command in commands.get_commands()]
    shape = json.dumps([application, payload], sort_keys=True).encode()
    fingerprint = hashlib.sha256(shape).hexdigest()
    if store.registered == fingerprint:
        return False
    await commands.sync()
    await asyncio.to_thread(store.note, "commands", fingerprint)
    return True


@app_commands.command()
@app_commands.describe(
    seed="how the text begins",
    temperature=narrowed("temperature").help,
    length=narrowed("length").help,
    model="another model than the usual one",
    rng=narrowed("rng").help,
)
async def say(
    interaction: Asked,
    seed: Seed,
    temperature: Temperature | None = None,
    length: Length | None = None,
    model: str | None = None,
    rng: Rng | None = None,
) -> None:
    """Write on from a seed"""
    desk, place = interaction.client.desk, interaction.client.place(interaction)
    answer, wishes = ToInteraction(interaction), {"temperature": temperature, "length": length, "rng": rng}
    await interaction.client.answer(answer, desk.say(answer, place, interaction.user.id, seed, model=model, **wishes))


@app_commands.command()
@app_commands.describe(value=narrowed("temperature").help)
async def temp(interaction: Asked, value: Temperature) -> None:
    """Set the temperature of this channel"""
    channels, place = interaction.client.channels, interaction.client.place(interaction)
    await _tell(interaction, channels.setting(place, "temperature", value))


@app_commands.command()
@app_commands.describe(name="which setting; none: all of them", value="its new value, or reset; none: what it is")
async def settings(interaction: Asked, name: str = "", value: str | None = None) -> None:
    """Show the settings of this channel, or change one"""
    channels, place = interaction.client.channels, interaction.client.place(interaction)
    await _tell(interaction, channels.setting(place, name, value) if name else channels.listing(place))


@app_commands.command()
@app_commands.describe(name="the one to play from now on; none: list them")
async def model(interaction: Asked, name: str = "") -> None:
    """Show the models, or let another one play in this channel"""
    channels, place = interaction.client.channels, interaction.client.place(interaction)
    await _tell(interaction, channels.model(place, name))


@app_commands.command()
@app_commands.describe(seed="how the text begins")
async def sweep(interaction: Asked, seed: Seed) -> None:
    """Write on from one seed at four temperatures"""
    desk, place = interaction.client.desk, interaction.client.place(interaction)
    answer = ToInteraction(interaction)
    await interaction.client.answer(answer, desk.sweep(answer, place, interaction.user.id, seed))


@app_commands.command()
async def explain(interaction: Asked) -> None:
    """Show how the temperature reshaped the last choice"""
    client, answer = interaction.client, ToInteraction(interaction)

    async def work() -> None:
        await client.desk.explain(answer, await client.latest(interaction.channel_id or 0))

    await client.answer(answer, work())


@app_commands.command()
@app_commands.describe(state=narrowed("memory").help)
async def memory(interaction: Asked, state: Literal["on", "off"]) -> None:
    """Let the texts of this channel go on from each other, or not"""
    channels, place = interaction.client.channels, interaction.client.place(interaction)
    await _tell(interaction, channels.setting(place, "memory", state))


@app_commands.command(name="help")
async def help_(interaction: Asked) -> None:
    """What there is, what is kept, and how to have it removed"""
    await interaction.response.send_message(HELP, ephemeral=True)


@app_commands.command()
async def forget(interaction: Asked) -> None:
    """Remove all that is kept of this channel"""
    channels, place = interaction.client.channels, interaction.client.place(interaction)
    await _tell(interaction, channels.forget(place))


@app_commands.context_menu(name="Continue this")
async def continue_this(interaction: Asked, message: discord.Message) -> None:
    """Write on from a message."""
    client, answer = interaction.client, ToInteraction(interaction)
    own = message.id if client.user and message.author.id == client.user.id else 0
    place = client.place(interaction)
    await client.answer(answer, client.desk.go_on(answer, place, interaction.user.id, message.content, own))


@settings.autocomplete("name")
async def _names(_: Asked, current: str) -> list[app_commands.Choice[str]]:
    wanted = current.strip().lower().replace("_", "-")
    specs = [*OWN.values(), *(spec for name, spec in SETTINGS.items() if name not in OWN)]
    found = [spec for spec in specs if wanted in spec.label]
    found.sort(key=lambda spec: not spec.label.startswith(wanted))
    return [app_commands.Choice(name=f"{s.label}: {s.help}"[:100], value=s.label) for s in found][:CHOICES]


@settings.autocomplete("value")
async def _values(interaction: Asked, current: str) -> list[app_commands.Choice[str]]:
    client, name = interaction.client, str(getattr(interaction.namespace, "name", ""))
    if name.replace("-", "_") not in SETTINGS:
        return []
    values = await client.channels.choices(client.place(interaction), name)
    # One that is too long is left out: cut, it would mean something else.
    fitting = (value for value in values if current.lower() in value.lower() and len(value) <= 100)
    return [_choice(value) for value in fitting][:CHOICES]


@say.autocomplete("model")
@model.autocomplete("name")
async def _models(interaction: Asked, current: str) -> list[app_commands.Choice[str]]:
    names = await interaction.client.writer.names()
    return [_choice(name) for name in names if current.lower() in name.lower()][:CHOICES]


def _choice(value: str) -> app_commands.Choice[str]:
    return app_commands.Choice(name=value[:100], value=value[:100])


async def _tell(interaction: Asked, work: Any) -> None:
    """Answer with the line that ``work`` makes."""
    answer = ToInteraction(interaction)

    async def tell() -> None:
        await answer.show(await work)

    await interaction.client.answer(answer, tell())
