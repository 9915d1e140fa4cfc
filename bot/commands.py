"""Registers the commands with Discord. Their names, help and handlers are in ``command_table``."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, TypeAlias

import discord
from discord import app_commands

from ..core.sanitize import one_line
from ..core.settings import FILTERS
from .command_table import BOT_COMMANDS
from .handlers import Handlers
from .invocation import Invocation, context_of
from .replies import InteractionReply
from .responder import error_message
from .setting_specs import BOT_SETTINGS, SETTINGS, bounded_spec, option_range
from .store import Store

if TYPE_CHECKING:
    from .client import Bot

    Temperature: TypeAlias = float
    Length: TypeAlias = int
    Rng: TypeAlias = int
    Seed: TypeAlias = str
else:
    # discord.py reads an option's type at run time. Numbers have the ranges of their settings, and Discord accepts
    # strings of up to 6,000 characters.
    Temperature, Length, Rng = option_range("temperature"), option_range("length"), option_range("rng")
    Seed = app_commands.Range[str, 0, 6000]

P = ParamSpec("P")
BotInteraction: TypeAlias = "discord.Interaction[Bot]"
SlashCommand: TypeAlias = app_commands.Command[Any, ..., None]
Handler: TypeAlias = Callable[Concatenate[Handlers, Invocation, P], Coroutine[Any, Any, None]]

MAX_CHOICES = 25
"""Maximum number of suggestions that Discord accepts for one option."""

FINGERPRINT_KEY = "commands"
"""Name in the store of the fingerprint of the commands that were sent to Discord last."""


class BotCommandTree(app_commands.CommandTree["Bot"]):
    """The bot's commands. Before each, the responder decides if it may run. It also shows their errors."""

    async def interaction_check(self, interaction: BotInteraction, /) -> bool:
        """Return True if the responder allows the command. Autocompletion is always allowed."""
        if interaction.type is discord.InteractionType.autocomplete:
            return True
        return await interaction.client.responder.allow(interaction)

    async def on_error(self, interaction: BotInteraction, error: Exception, /) -> None:
        """Show an error that was raised before the command's handler began, for example for an outdated command."""
        if interaction.type is not discord.InteractionType.autocomplete:
            await interaction.client.responder.send_error(InteractionReply(interaction), error_message(error))


def build_tree(bot: Bot) -> BotCommandTree:
    """Return all commands for ``bot``, usable in servers and direct messages."""
    tree = BotCommandTree(bot, allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True))
    commands: list[SlashCommand] = [say, temp, settings, model, sweep, explain, memory, help_, forget]
    for command in commands:
        tree.add_command(command)
    tree.add_command(continue_this)
    return tree


async def register(tree: BotCommandTree, application_id: int, store: Store) -> bool:
    """Send the commands to Discord if they differ from those sent last. Return True if they did."""
    payload = [command.to_dict(tree) for command in tree.get_commands()]
    fingerprint = hashlib.sha256(json.dumps([application_id, payload], sort_keys=True).encode()).hexdigest()
    if store.get_meta(FINGERPRINT_KEY) == fingerprint:
        return False
    await tree.sync()
    await asyncio.to_thread(store.set_meta, FINGERPRINT_KEY, fingerprint)
    return True


@app_commands.command(description=BOT_COMMANDS["say"].help)
@app_commands.describe(
    seed="how the text begins",
    temperature=bounded_spec("temperature").help,
    length=bounded_spec("length").help,
    model="model for this text only",
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
    await _run(interaction, Handlers.say, seed, model, temperature=temperature, length=length, rng=rng)


@app_commands.command(description=BOT_COMMANDS["temp"].help)
@app_commands.describe(value=bounded_spec("temperature").help)
async def temp(interaction: BotInteraction, value: Temperature) -> None:
    await _run(interaction, Handlers.temp, value)


@app_commands.command(description=BOT_COMMANDS["settings"].help)
@app_commands.describe(name="setting (default: show all)", value="new value, or reset (default: show the current one)")
async def settings(interaction: BotInteraction, name: str = "", value: str | None = None) -> None:
    await _run(interaction, Handlers.settings, name, value)


@app_commands.command(description=BOT_COMMANDS["model"].help)
@app_commands.describe(name="model for this channel (default: list them)")
async def model(interaction: BotInteraction, name: str = "") -> None:
    await _run(interaction, Handlers.model, name)


@app_commands.command(description=BOT_COMMANDS["sweep"].help)
@app_commands.describe(seed="how the text begins")
async def sweep(interaction: BotInteraction, seed: Seed) -> None:
    await _run(interaction, Handlers.sweep, seed)


@app_commands.command(description=BOT_COMMANDS["explain"].help)
async def explain(interaction: BotInteraction) -> None:
    await _run(interaction, Handlers.explain)


@app_commands.command(description=BOT_COMMANDS["memory"].help)
@app_commands.describe(state=bounded_spec("memory").help)
async def memory(interaction: BotInteraction, state: Literal["on", "off"]) -> None:
    await _run(interaction, Handlers.memory, state)


@app_commands.command(name="help", description=BOT_COMMANDS["help"].help)
async def help_(interaction: BotInteraction) -> None:
    await _run(interaction, BOT_COMMANDS["help"].handler, "")


@app_commands.command(description=BOT_COMMANDS["forget"].help)
async def forget(interaction: BotInteraction) -> None:
    await _run(interaction, Handlers.forget)


@app_commands.context_menu(name="Continue this")
async def continue_this(interaction: BotInteraction, message: discord.Message) -> None:
    user = interaction.client.user
    own_message = message.id if user and message.author.id == user.id else 0
    await _run(interaction, Handlers.continue_from, message.content, own_message)


@settings.autocomplete("name")
async def _suggest_settings(_: BotInteraction, current: str) -> list[app_commands.Choice[str]]:
    typed = current.strip().lower().replace("_", "-")
    specs = [*BOT_SETTINGS.values(), *(spec for name, spec in SETTINGS.items() if name not in BOT_SETTINGS)]
    matches = [spec for spec in specs if typed in spec.label]
    # Not all fit: filters come last, and are found by the beginning of their name.
    matches.sort(key=lambda spec: (not spec.label.startswith(typed), spec.name in FILTERS))
    return [app_commands.Choice(name=f"{s.label}: {s.help}"[:100], value=s.label) for s in matches][:MAX_CHOICES]


@settings.autocomplete("value")
async def _suggest_values(interaction: BotInteraction, current: str) -> list[app_commands.Choice[str]]:
    name = str(getattr(interaction.namespace, "name", ""))
    if name.replace("-", "_") not in SETTINGS:
        return []
    context = context_of(interaction)
    values = await interaction.client.responder.channel_settings.choices(context, name)
    # A value over Discord's 100 characters is left out: a truncated one would be another value.
    return _choices((value for value in values if len(value) <= 100), current)


@say.autocomplete("model")
@model.autocomplete("name")
async def _suggest_models(interaction: BotInteraction, current: str) -> list[app_commands.Choice[str]]:
    return _choices(await interaction.client.service.model_names(), current)


def _choices(values: Iterable[str], typed: str) -> list[app_commands.Choice[str]]:
    """Return suggestions: the values that contain ``typed``, ignoring case."""
    matches = [value for value in values if typed.lower() in value.lower()]
    return [app_commands.Choice(name=one_line(value[:100]), value=value[:100]) for value in matches[:MAX_CHOICES]]


async def _run(interaction: BotInteraction, handler: Handler[P], *args: P.args, **kwargs: P.kwargs) -> None:
    """Run a handler for an interaction, with the responder's placeholders and messages for errors."""
    responder = interaction.client.responder
    invocation = Invocation.from_interaction(interaction)
    await responder.respond(invocation.reply, handler(responder.handlers, invocation, *args, **kwargs))
