"""The table of the bot's commands: name, handler and help. Slash commands and typed commands both use it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from ..core.commands import registry
from ..core.errors import CommandError
from .handlers import Handlers
from .invocation import Invocation
from .setting_specs import SETTINGS


class BotCommand(NamedTuple):
    """A command's handler, called with the text typed after the command, and its help in Discord's command list."""

    handler: Callable[[Handlers, Invocation, str], Coroutine[Any, Any, None]]
    help: str


async def _show_help(_: Handlers, invocation: Invocation, __: str = "") -> None:
    await invocation.reply.show_privately(HELP)


async def _set_by_line(handlers: Handlers, invocation: Invocation, rest: str) -> None:
    """Show all settings, or show the one that ``rest`` names, or set it to the value that follows the name."""
    name, _, value = rest.partition(" ")
    await handlers.settings(invocation, _resolve_setting(name) if name else "", value.strip() or None)


BOT_COMMANDS = {
    "say": BotCommand(Handlers.say, "Continue a seed"),
    "temp": BotCommand(Handlers.temp, "Set the temperature of this channel"),
    "settings": BotCommand(_set_by_line, "Show or change the settings of this channel"),
    "model": BotCommand(Handlers.model, "List the models, or choose one for this channel"),
    "sweep": BotCommand(Handlers.sweep, "Continue one seed at four temperatures"),
    "explain": BotCommand(Handlers.explain, "Show how the temperature changed the last choice"),
    "memory": BotCommand(Handlers.memory, "Let each text here continue from the one before, or not"),
    "help": BotCommand(_show_help, "List the commands, and what I store"),
    "forget": BotCommand(Handlers.forget, "Delete what is stored for this channel"),
}

_ALIASES = {"set": "settings"}

_COMMANDS_HELP = " · ".join(f"`/{name}` {command.help}" for name, command in BOT_COMMANDS.items())

HELP = (
    f"{_COMMANDS_HELP} · Or mention me with a seed, or use the buttons under a text\n"
    "Stored: this channel's settings and, with memory on, a few KB of the model's state. No messages, nothing about "
    "people. No model is trained on what you write.\n"
    "To delete it: use `/forget` here, or remove me from the server."
)
"""Answer to /help, in three lines: the commands, the data that is stored, and how to delete it."""

TYPED_HELP = f"type a seed, or one of {' '.join(f'/{name}' for name in BOT_COMMANDS)}"


async def run_line(handlers: Handlers, invocation: Invocation, line: str) -> None:
    """Run a typed command, or continue the line as a seed. A seed that begins with "/" is typed with "//"."""
    if not registry.is_command(line):
        await handlers.say(invocation, registry.unescape_seed(line))
        return
    word, rest = registry.split_command(line)
    name = word.lower()
    command = BOT_COMMANDS.get(_ALIASES.get(name, name))
    if command:
        await command.handler(handlers, invocation, rest)
    else:  # Each setting is a command of its own name.
        await handlers.settings(invocation, _resolve_setting(name), rest or None)


def _resolve_setting(word: str) -> str:
    """Return the name of the setting that a typed command shows or sets. Raises CommandError if there is none."""
    name = word.lower().replace("-", "_")
    if name in SETTINGS:
        return name
    try:
        command = registry.lookup_command(word.lower()).name
    except CommandError:
        command = ""
    name = "temperature" if command == "temp" else command.replace("-", "_")
    if name not in SETTINGS:
        raise CommandError(TYPED_HELP)
    return name
