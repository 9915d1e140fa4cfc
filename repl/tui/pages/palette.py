"""The command palette: the slash commands in the order of their use, then the toolkit's own commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand

from ....core.commands.registry import COMMANDS

if TYPE_CHECKING:
    from textual.command import Provider


def slash_commands(run_line: Callable[[str], None], type_text: Callable[[str], None]) -> Iterator[SystemCommand]:
    """Yield an entry for each command. One that needs arguments is typed into the input, any other is run."""
    for command in COMMANDS:
        line = f"/{command.name}"
        callback = partial(type_text, f"{line} ") if command.asks_for_arguments else partial(run_line, line)
        yield SystemCommand(line, command.help, callback)


def load_provider() -> type[Provider]:
    """Return the palette's source of commands. It is imported when the palette opens, for an earlier first paint."""
    from .palette_provider import CommandsByUse

    return CommandsByUse


PROVIDERS: set[type[Provider] | Callable[[], type[Provider]]] = {load_provider}
"""The sources of commands."""
