"""The form of a slash command and of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..session.session import Session
from .effects import Effect

Choices = Callable[[Session, Sequence[str]], Iterable[tuple[str, str]]]
"""A function that returns the values of an argument as (value, help), given the words typed before it."""


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a command: its name, and a function that parses its text.

    ``choices`` are offered as completions. A menu asks for required arguments and for optional ones that are ``asked``.
    If the last argument has ``several_words``, each of them is completed.
    """

    name: str
    parse: Callable[[Session, str], Any] = lambda _, text: text
    choices: Choices = lambda *_: ()
    required: bool = False
    asked: bool = False
    several_words: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the table. ``run`` takes the session and the parsed values, and yields effects.

    A ``live`` command can run while text is being written. Before any other command the text is stopped.

    A ``careful`` command refuses to replace something, or asks before it deletes something, unless it is forced by "!"
    after its own name. Then ``run`` gets ``force=True``.
    """

    name: str
    help: str
    run: Callable[..., Iterator[Effect]]
    arguments: tuple[Argument, ...] = ()
    aliases: tuple[str, ...] = ()
    live: bool = False
    careful: bool = False

    @property
    def usage(self) -> str:
        """Usage line: /set NAME [VALUE]."""
        words = [a.name.upper() if a.required else f"[{a.name.upper()}]" for a in self.arguments]
        return " ".join([f"/{self.name}", *words])

    @property
    def asks_for_arguments(self) -> bool:
        """True if a menu should let the user type arguments before it runs the command."""
        return any(argument.required or argument.asked for argument in self.arguments)
