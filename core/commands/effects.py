"""What a command asks of the face it was typed into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..events import Event, Notice
from ..generation.sweep import Sweep


@dataclass(frozen=True, slots=True)
class Play:
    """Show these events as they come, under ``title`` where it has one."""

    events: Iterator[Event]
    title: str = ""

    @property
    def plays(self) -> Iterator[Play]:
        """It alone: for faces that show one text after another."""
        yield self


@dataclass(frozen=True, slots=True)
class Compare:
    """Show a sweep: all its columns side by side as ``sweep.steps()`` go by, or its ``plays`` one after another."""

    sweep: Sweep

    @property
    def plays(self) -> Iterator[Play]:
        """The columns as texts with titles."""
        for number, column in enumerate(self.sweep.columns):
            yield Play(self.sweep.play_column(number), f"{self.sweep.seed}  ·  T {column.temperature:.2f}")


@dataclass(frozen=True, slots=True)
class Listing:
    """Show rows of two columns under a title.

    Where there is a ``choice``, it is the command that takes the first column of a row; ``search`` then gives the rows
    for words that are looked for.
    """

    title: str
    rows: list[tuple[str, str]]
    row_command: str = ""
    search: Callable[[str], list[tuple[str, str]]] | None = None

    def lines(self) -> list[str]:
        """The rows, their columns below each other."""
        width = max((len(left) for left, _ in self.rows), default=0)
        return [f"{left:<{width}}  {right}".rstrip() for left, right in self.rows]


@dataclass(frozen=True, slots=True)
class Redraw:
    """The passage is another one than before: show it as it stands, and say why."""

    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Let the reader change a text; ``done`` is what to do with the changed one."""

    text: str
    on_done: Callable[[str], Iterator[Effect]]


@dataclass(frozen=True, slots=True)
class Quit:
    """Leave."""


Effect = Notice | Play | Compare | Listing | Redraw | Edit | Quit
