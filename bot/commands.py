"""The slash commands as Discord knows them, what they answer, and how they get registered."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import traceback
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import discord
from discord import app_commands

from ..core.errors import AfterglowError
from .limits import narrowed, option
from .messages import safe
from .store import Store
from .writer import Writer

if TYPE_CHECKING:
    Temperature: TypeAlias = float
    Length: TypeAlias = int
    Rng: TypeAlias = int
else:
    # Discord.py reads an option's type at run time; ranges come from the settings' declaration.
    Temperature, Length, Rng = option("temperature"), option("length"), option("rng")

log = logging.getLogger("afterglow.bot")

CHOICES = 25
"""Suggestions that Discord shows at most."""

STALE = "this command has changed; restart Discord (Ctrl+R), then try again"
WRONG = "something went wrong; it is in the bot's log"


class Host(discord.Client):
    """What the commands need of the client that they belong to; ``patience``: how many seconds one may be silent."""

    writer: Writer
    patience: float
    answers: set[asyncio.Task[Any]]

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """Mark the current task as one that owes somebody an answer: closing waits for it a little."""
        task = asyncio.current_task()
        assert task is not None
        self.answers.add(task)
        try:
            yield
        finally:
            self.answers.discard(task)


class Tree(app_commands.CommandTree["Host"]):
    """The commands, and one line to whoever asked when one of them fails."""

    async def on_error(self, interaction: discord.Interaction[Host], error: Exception, /) -> None:
        """Tell it to the person who asked, and to nobody else."""
        content = told(error)
        try:
            if interaction.response.is_done():
                await interaction.edit_original_response(content=content)
            else:
                await interaction.response.send_message(content, ephemeral=True)
        except discord.HTTPException as problem:
            log.info("an answer could not be delivered: %s, code %s", problem.status, problem.code)


def tree(client: Host) -> Tree:
    """All commands for a client."""
    made = Tree(client)
    made.add_command(say)
    made.add_command(temp)
    return made


async def register(commands: Tree, application: int, store: Store) -> bool:
    """Tell Discord of the commands if their shape is another than last time; whether it was."""
    payload = [command.to_dict(commands) for command in commands.get_commands()]
    shape = json.dumps([application, payload], sort_keys=True).encode()
    fingerprint = hashlib.sha256(shape).hexdigest()
    if store.registered == fingerprint:
        return False
    await commands.sync()
    store.registered = fingerprint
    return True


def told(error: BaseException) -> str:
    """One line for the person who asked. What is not a person's mistake goes to the log, without anybody's text."""
    cause = getattr(error, "original", error)
    if isinstance(cause, AfterglowError):
        return safe(str(cause))
    if isinstance(cause, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch):
        return STALE
    log_bug(cause)
    return WRONG


def log_bug(error: BaseException) -> None:
    """Where a bug struck and its kind. The exception's message stays out: it can hold what people wrote."""
    log.error("%s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)).rstrip())


@app_commands.command()
@app_commands.describe(
    seed="how the text begins",
    temperature=narrowed("temperature").help,
    length=narrowed("length").help,
    model="another model than the usual one",
    rng=narrowed("rng").help,
)
async def say(
    interaction: discord.Interaction[Host],
    seed: str,
    temperature: Temperature | None = None,
    length: Length | None = None,
    model: str | None = None,
    rng: Rng | None = None,
) -> None:
    """Write on from a seed"""
    wishes = {"temperature": temperature, "length": length, "rng": rng}
    writing = interaction.client.writer.write(interaction.channel_id or 0, seed, model, **wishes)
    await _respond(interaction, writing)


@say.autocomplete("model")
async def _models(interaction: discord.Interaction[Host], current: str) -> list[app_commands.Choice[str]]:
    names = (name for name in interaction.client.writer.model_names() if current.lower() in name.lower())
    return [app_commands.Choice(name=name[:100], value=name[:100]) for name in names][:CHOICES]


@app_commands.command()
@app_commands.describe(value=narrowed("temperature").help)
async def temp(interaction: discord.Interaction[Host], value: Temperature) -> None:
    """Set the temperature of this channel"""
    answer = interaction.client.writer.temperature(interaction.channel_id or 0, interaction.guild_id, value)
    await interaction.response.send_message(answer)


async def _respond(interaction: discord.Interaction[Host], work: Coroutine[Any, Any, str]) -> None:
    """Answer with what ``work`` makes; where it takes longer than Discord waits, ask for patience first."""
    with interaction.client.answering():
        task = asyncio.create_task(work)
        try:
            await asyncio.wait({task}, timeout=interaction.client.patience)
            if task.done():
                await interaction.response.send_message(task.result(), suppress_embeds=True)
            else:
                await interaction.response.defer(thinking=True)
                await interaction.edit_original_response(content=await task)
        finally:
            task.cancel()
    log.info("answered /say")
