"""The slash commands as entries of the command palette."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from textual.app import SystemCommand

from ...core.commands.registry import COMMANDS


def slash_commands(run_line: Callable[[str], None], type_text: Callable[[str], None]) -> Iterator[SystemCommand]:
    """Yield an entry for each command. One that needs arguments is typed into the input, any other is run."""
    for command in COMMANDS:
        line = f"/{command.name}"
        callback = partial(type_text, f"{line} ") if command.asks_for_arguments else partial(run_line, line)
        yield SystemCommand(line, command.help, callback)
