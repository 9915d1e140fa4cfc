"""Completion of slash commands: the list above the input, and the text that is completed."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ....core.commands.registry import completions, is_command
from ....core.sanitize import one_line
from ....core.session.session import Session


class Completions(OptionList, can_focus=False):
    """Completions of the command being typed, with their help, in a few rows above the input.

    None is chosen (``highlighted`` is None) until ↑ or ↓ is pressed. The focus stays in the input.
    """

    def __init__(self) -> None:
        super().__init__(markup=False, compact=True)
        self.display = False
        self.words: list[str] = []

    @property
    def chosen_word(self) -> str | None:
        """The chosen word."""
        return None if self.highlighted is None else self.words[self.highlighted]

    @property
    def position(self) -> str:
        """The place of the chosen row: "8 of 47"; without one, their number and the keys; "" if the list is closed."""
        if not self.display:
            return ""
        count = len(self.words)
        return f"{count} · ↑ ↓ choose" if self.highlighted is None else f"{self.highlighted + 1} of {count}"

    def offer(self, rows: list[tuple[str, str]]) -> None:
        """Show (word, help) pairs; close the list if there is none."""
        if rows or self.display:
            self.words = [word for word, _ in rows]
            self.clear_options()
            width = max((len(one_line(word)) for word in self.words), default=0)
            self.add_options(Option(_render_row(word, help_, width)) for word, help_ in rows)
        self.display = bool(rows)

    def move(self, step: int) -> None:
        """Choose the next (1) or previous (-1) row. The first step goes to the nearest end of the list."""
        if self.highlighted is None:
            self.highlighted = 0 if step > 0 else len(self.words) - 1
        elif step > 0:
            self.action_cursor_down()
        else:
            self.action_cursor_up()


def _render_row(word: str, help_: str, width: int) -> Content:
    return Content.assemble(f"{one_line(word):<{width}}  ", (one_line(help_), "dim"))


def useful_completions(session: Session, line: str) -> list[tuple[str, str]]:
    """Return (completion, help) pairs for the last word of a command. Empty if the word is complete."""
    if not is_command(line):
        return []
    rows = completions(session, line)
    return [] if [word for word, _ in rows] == [line.split(" ")[-1]] else rows


def complete_line(session: Session, line: str) -> str | None:
    """Return ``line`` with the first completion that makes it longer, plus a space if arguments follow, or None."""
    word = line.split(" ")[-1]
    for candidate, _ in useful_completions(session, line):
        if len(candidate) > len(word):
            return take_completion(session, line, candidate)
    return None


def take_completion(session: Session, line: str, word: str) -> str:
    """Return ``line`` with ``word`` as its last word, plus a space if arguments follow."""
    longer = line.removesuffix(line.split(" ")[-1]) + word
    return f"{longer} " if useful_completions(session, f"{longer} ") else longer
