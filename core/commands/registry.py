"""The table of slash commands, with parsing, dispatch, help and completion for every front end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from ..errors import AfterglowError, CommandError, suggest
from ..session.session import Session
from . import actions
from .command import Argument, Command
from .effects import Effect, Listing, Play
from .hints import COMMAND_HINTS, notes_on_seed
from .slash_commands import SETTING_COMMANDS, TEXT_COMMANDS


def dispatch(session: Session, line: str) -> Iterator[Effect]:
    """Run a typed line and yield its effects: a command if it begins with "/", else a seed. An empty line continues.

    A seed that begins with "/" is typed as "//…". Raises AfterglowError, and changes nothing, if the line is invalid.
    """
    command, values = parse_command(session, line) if is_command(line) else (None, [])
    if session.observer:
        session.observer.before_command(command.name if command else "")
    yield from command.run(session, *values) if command else _play_seed(session, line)
    if session.observer:
        yield from session.observer.after_command(session)


def _play_seed(session: Session, line: str) -> Iterator[Effect]:
    if not line.strip(" ") and "\n" not in line:
        yield Play(session.continue_() if session.passage.nodes else session.write_from(""))
    else:
        yield Play(session.write_from(unescape_seed(line), notes_on_seed(session, line.strip())))


def is_command(line: str) -> bool:
    """True if a typed line is a command. A line that begins with "//" is a seed."""
    return line.startswith("/") and not line.startswith("//")


def unescape_seed(line: str) -> str:
    """Return the seed of a typed line that is not a command: "//" at its beginning stands for "/"."""
    return line[1:] if line.startswith("//") else line


def split_command(line: str) -> list[str]:
    """Return the name of a typed command and the text after it, separated by any white space. Both may be ""."""
    return [*line.strip().removeprefix("/").split(None, 1), "", ""][:2]


def parse_command(session: Session, line: str) -> tuple[Command, list[Any]]:
    """Return the command of a line and its parsed arguments. Raises CommandError or SettingError if it is invalid."""
    name, rest = split_command(line)
    command = lookup_command(name)
    words = rest.split(None, len(command.arguments) - 1) if command.arguments else rest.split()
    if len(words) > len(command.arguments) or len(words) < sum(a.required for a in command.arguments):
        raise CommandError(f"usage: {command.usage} ({command.help})")
    return command, [a.parse(session, word) for a, word in zip(command.arguments, words, strict=False)]


def lookup_command(name: str) -> Command:
    """Return the command with this name or alias. Raises CommandError, with a suggestion, if there is none."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    hint = COMMAND_HINTS.get(name.lower()) or suggest(name, _BY_NAME, "/help lists them", prefix="/")
    raise CommandError(f"there is no command /{name}; {hint}")


def completions(session: Session, line: str) -> list[tuple[str, str]]:
    """Return completions of the last word of a line that begins with "/", as (word, help).

    Empty if files that list the values cannot be read; the command itself reports the error.
    """
    with contextlib.suppress(AfterglowError):
        return _completions(session, line)
    return []


def _completions(session: Session, line: str) -> list[tuple[str, str]]:
    name, space, rest = line.removeprefix("/").partition(" ")
    if not space:
        # Aliases are offered only if no command's own name matches.
        names = [c.name for c in COMMANDS if c.name.startswith(name)] or [n for n in _BY_NAME if n.startswith(name)]
        return [(f"/{n}", _BY_NAME[n].help) for n in names]
    command = _BY_NAME.get(name)
    *before, prefix = rest.split(" ")
    if command is None or not command.arguments:
        return []
    argument = command.arguments[min(len(before), len(command.arguments) - 1)]
    if len(before) >= len(command.arguments) and not argument.several_words:
        return []
    choices = argument.choices(session, before)
    return [(value, note) for value, note in choices if value.startswith(prefix)]


def runs_live(line: str) -> bool:
    """True if a typed line can run while text is being written. So can a mistyped command: its error stops no text."""
    name = split_command(line)[0]
    return is_command(line) and (name not in _BY_NAME or _BY_NAME[name].live)


def names_command(line: str) -> bool:
    """True if a typed line is a command that exists."""
    return is_command(line) and split_command(line)[0] in _BY_NAME


def asks_for_more(line: str) -> bool:
    """True if a typed line is the name of a command that asks for arguments, without any."""
    name, rest = split_command(line)
    return names_command(line) and _BY_NAME[name].asks_for_arguments and not rest


COMMANDS: tuple[Command, ...] = (
    *TEXT_COMMANDS,
    Command(
        "help",
        "list all commands, or show one",
        lambda session, *name: show_help(session, *name),
        (Argument("command"),),
        ("?",),
        live=True,
    ),
    Command("quit", "quit afterglow", actions.quit_, aliases=("q", "bye", "exit"), live=True),
    *SETTING_COMMANDS,
)
"""All commands, in the order of their use. Help, completion and menus keep it."""

_BY_NAME = {name: command for command in COMMANDS for name in (command.name, *command.aliases)} | {
    f"{command.name}!": replace(command, run=partial(command.run, force=True))
    for command in COMMANDS
    if command.careful
}


def show_help(session: Session, name: str = "") -> Iterator[Effect]:
    """List all commands and the front end's keys, or show the command called ``name``."""
    commands = [lookup_command(name.removeprefix("/"))] if name else COMMANDS
    rows = [(", ".join([c.usage, *(f"/{a}" for a in c.aliases)]), c.help) for c in commands]
    yield Listing("type a seed to start; an empty line continues; // begins a seed with a slash", rows)
    if not name:
        yield from (Listing(title, keys) for title, keys in session.key_lists.items())
