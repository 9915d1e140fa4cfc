"""The keys that the footer shows: few, and those that matter now."""

from __future__ import annotations

from typing import NamedTuple


class Hint(NamedTuple):
    """A label, and the ids of the bindings that it is for. A key without a binding of ours is called by its name."""

    label: str
    ids: tuple[str, ...]


class MainState(NamedTuple):
    """The state of the main screen, as far as it decides which keys matter.

    ``typing`` is True if there is text in the input line, ``command`` if that is a command. ``finding`` is True while
    places in the text are highlighted. ``unit`` is True if a unit of the network colors the text.
    """

    writing: bool = False
    typing: bool = False
    command: bool = False
    sweep: bool = False
    cursor: bool = False
    finding: bool = False
    text: bool = False
    versions: bool = False
    unit: bool = False


PICKER_HINTS = (
    Hint("Choose", ("picker-up", "picker-down")),
    Hint("Take", ("enter",)),
    Hint("Close", ("picker-close",)),
)
LIST_EDIT_HINTS = {"rename": Hint("Rename", ("picker-rename",)), "delete": Hint("Delete", ("picker-delete",))}
"""Keys that edit a row of a list, by action."""

SETTINGS_HINTS = (
    Hint("Go", ("settings-up", "settings-down")),
    Hint("Set", ("enter",)),
    Hint("Close", ("settings-close",)),
)
EDITOR_HINTS = (Hint("Accept", ("editor-accept",)), Hint("Close", ("editor-close",)))
PALETTE_HINTS = (Hint("Choose", ("up", "down")), Hint("Run", ("enter",)), Hint("Close", ("escape",)))
QUESTION_HINTS = (Hint("Yes", ("answer-yes",)), Hint("No", ("answer-no",)))
HELP_HINTS = (Hint("Scroll", ("up", "down")), Hint("Close", ("help-close",)))

STOP = Hint("Stop", ("stop",))
TAKE = Hint("Take", ("take",))
LEAVE = Hint("Leave", ("leave",))
MOVE = ("token-left", "token-right")
CHOOSE = ("candidate-up", "candidate-down")

ALWAYS = (Hint("Help", ("help",)), Hint("All", ("palette",)), Hint("Quit", ("quit",)))
"""Keys at the right end, in every state."""


def hints_for(state: MainState) -> tuple[Hint, ...]:
    """Return the keys that matter in a state, the most important first."""
    stop = (STOP,) if state.writing else ()
    if state.typing:
        complete = (Hint("Complete", ("complete",)),) if state.command else ()
        return (Hint("Run", ("run",)), *complete, *stop, Hint("New line", ("newline",)))
    leave = stop or (LEAVE,)
    if state.sweep:
        return (TAKE, Hint("Choose", MOVE), Hint("Take", ("pick-1",)), *leave)
    if state.cursor:
        return (TAKE, Hint("Choose", CHOOSE), Hint("Move", MOVE), *leave)
    if state.finding:
        return (Hint("Next", ("find",)), Hint("Go", CHOOSE), *leave)
    if state.writing:
        return (STOP, Hint("Pause", ("pause",)), Hint("Finish", ("finish",)), Hint("T", ("plus", "minus")))
    if not state.text:
        return (Hint("T", ("warmer", "colder")), Hint("Settings", ("settings",)))
    versions = (Hint("Versions", ("bracket-left", "bracket-right")),) if state.versions else ()
    others = (Hint("Unit", ("unit-previous", "unit-next")),) if state.unit else versions
    temperature, tokens = Hint("T", ("plus", "minus")), Hint("Tokens", MOVE)
    return (Hint("Retry", ("retry",)), temperature, *others, tokens, Hint("Edit", ("edit",)))
