"""The conditions for the actions of keys: keys run only actions that apply, and the footer shows those that matter."""

from __future__ import annotations

from ...core.commands.registry import is_command
from .main_view import MainView
from .playback import Playback
from .status.footer_hints import MainState
from .token_cursor import TokenCursor

WHILE_WRITING = ("stop", "pause", "skip_to_end")
"""Actions that apply while text is being written."""

ON_MAIN_SCREEN = ("interrupt", "scroll", "find")
"""Actions that apply if no other screen is on top. Their keys have priority, and would act there too."""

WITH_CURSOR = ("move_choice", "take", "leave")
"""Moves that apply if there is a token cursor or a sweep."""

WHILE_FINDING = ("move_choice", "leave")
"""Moves that apply while places in the text are highlighted."""


class ActionConditions:
    """Knows which actions apply now."""

    def __init__(self, view: MainView, token_cursor: TokenCursor, playback: Playback) -> None:
        self._view = view
        self._token_cursor = token_cursor
        self._playback = playback

    def applies(self, action: str, parameters: tuple[object, ...], *, on_main_screen: bool) -> bool:
        """Return True if an action of the app applies now."""
        if action in WHILE_WRITING:
            return self._playback.playing
        if action in ON_MAIN_SCREEN:
            return on_main_screen
        if action == "step_unit":
            return self._view.shows_unit
        return self._is_possible_move(str(parameters[0])) if action == "navigate" else True

    def main_state(self) -> MainState:
        """Return the state of the main screen that decides which keys its footer shows."""
        line, passage_view = self._view.input.text, self._view.passage_view
        return MainState(
            writing=self._playback.playing,
            typing=bool(line),
            command=is_command(line),
            sweep=self._view.sweep_view.display,
            cursor=self._token_cursor.token_index is not None,
            finding=self._view.finder.active,
            text=bool(passage_view.token_spans),
            versions=bool(passage_view.version_summary),
            unit=self._view.shows_unit,
        )

    def _is_possible_move(self, move: str) -> bool:
        """Return True if a method of ``Navigation`` has something to move over."""
        sweep_shown = self._view.sweep_view.display
        if move == "pick":
            return sweep_shown
        if move == "reveal":
            return self._view.sweep_view.hides_values
        if move == "leave" and self._playback.playing:
            return False  # Esc stops the text first
        if move in WHILE_FINDING and self._view.finder.active:
            return True
        if move in WITH_CURSOR:
            return move != "move_choice" if sweep_shown else self._token_cursor.token_index is not None
        return bool(self._view.passage_view.token_spans) or sweep_shown
