"""Moves between tokens, candidates of the lens, and columns of a sweep, as keys and clicks say."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ...core.commands import actions
from ...core.session.session import Session
from .line_runner import EffectFactory
from .passage_view import PassageView
from .sweep_view import SweepView
from .token_cursor import TokenCursor


class Navigation:
    """Acts on the sweep while one is shown, else on the token cursor. ``refresh`` is called after each move."""

    def __init__(
        self,
        session: Session,
        passage_view: PassageView,
        token_cursor: TokenCursor,
        sweep_view: SweepView,
        run_effects: Callable[[EffectFactory], None],
        refresh: Callable[[], None],
    ) -> None:
        self._session = session
        self._passage_view = passage_view
        self._token_cursor = token_cursor
        self._sweep_view = sweep_view
        self._run_effects = run_effects
        self._refresh = refresh

    def move(self, step: int) -> None:
        """Move the cursor by ``step`` tokens, or the choice by ``step`` columns of a sweep."""
        if self._sweep_view.display:
            self._sweep_view.choose(self._sweep_view.chosen_index + step)
        else:
            self._token_cursor.move(step)
            self._refresh()

    def move_word(self, step: int) -> None:
        """Move the cursor to the next (1) or previous (-1) word."""
        self._token_cursor.move_word(step)
        self._refresh()

    def go_to(self, index: int) -> None:
        """Put the cursor on a token."""
        self._token_cursor.go_to(index)
        self._refresh()

    def go_to_edge(self, fraction: int) -> None:
        """Put the cursor on the first token (0), or after the last (1)."""
        self.go_to(fraction * len(self._passage_view.token_spans))

    def move_choice(self, step: int) -> None:
        """Move the choice by ``step`` candidates of the lens."""
        self._token_cursor.move_choice(step)

    def leave(self) -> None:
        """Close the sweep and remove the cursor."""
        self._sweep_view.close()
        self._token_cursor.clear()
        self._refresh()

    def take(self) -> None:
        """Continue from the chosen candidate at the cursor, or from the chosen column of a sweep."""
        if self._sweep_view.display:
            self.pick(self._sweep_view.chosen_index)
        elif selection := self._token_cursor.selection():
            self._run_effects(partial(actions.branch, self._session, *selection))

    def pick(self, number: int) -> None:
        """Continue from a column of the sweep, if there is one of this number, from 0."""
        sweep = self._sweep_view.sweep
        if sweep and number < len(sweep.columns):
            self._run_effects(partial(actions.pick, self._session, sweep, number))

    def click_column(self, number: int) -> None:
        """Choose a column. A second click picks it."""
        if self._sweep_view.chosen_index == number:
            self.pick(number)
        self._sweep_view.choose(number)

    def click_candidate(self, index: int) -> None:
        """Choose a candidate. A second click takes it."""
        if self._token_cursor.token_index is None:
            self._token_cursor.go_to(len(self._passage_view.token_spans))
        elif self._token_cursor.candidate_index == index:
            self.take()
        self._token_cursor.choose(index)
