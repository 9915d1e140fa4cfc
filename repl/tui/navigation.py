"""Moves between tokens, candidates of the lens, and columns of a sweep, on keys and clicks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

from ...core.commands import actions
from ...core.session.session import Session
from .line_runner import EffectFactory
from .main_view import MainView
from .token_cursor import TokenCursor

END = sys.maxsize
"""Steps after which every move has reached the end."""


class Navigation:
    """Acts on the sweep while one is shown, else on the token cursor. ``refresh`` is called after each move."""

    def __init__(
        self,
        session: Session,
        view: MainView,
        token_cursor: TokenCursor,
        run_effects: Callable[[EffectFactory], None],
        refresh: Callable[[], None],
    ) -> None:
        self._session = session
        self._passage_view = view.passage_view
        self._sweep_view = view.sweep_view
        self._transcript = view.transcript
        self._finder = view.finder
        self._input = view.input
        self._token_cursor = token_cursor
        self._run_effects = run_effects
        self._refresh = refresh

    def move(self, step: int) -> None:
        """Move the cursor by ``step`` tokens. In a sweep, choose the column that is ``step`` to the right.

        Without a cursor, put it on the place that was found, if there is one.
        """
        found = self._transcript.get_found_token() if self._token_cursor.token_index is None else None
        if self._sweep_view.display:
            self._sweep_view.choose(self._sweep_view.chosen_index + step)
        elif found is not None:
            self._token_cursor.go_to(found)
        else:
            self._token_cursor.move(step)
        self._refresh()

    def move_word(self, step: int) -> None:
        """Move the cursor to the next (1) or previous (-1) word. In a sweep, do as ``move``."""
        if self._sweep_view.display:
            self.move(step)
        else:
            self._token_cursor.move_word(step)
            self._refresh()

    def go_to(self, index: int) -> None:
        """Put the cursor on the token number ``index``, from 0."""
        self._token_cursor.go_to(index)
        self._refresh()

    def move_to_start(self) -> None:
        """Put the cursor on the first token. In a sweep, choose the first column."""
        self.move(-END)

    def move_to_end(self) -> None:
        """Put the cursor after the last token. In a sweep, choose the last column."""
        self.move(END)

    def move_choice(self, step: int) -> None:
        """Choose the candidate of the lens that is ``step`` below the chosen one, or another place that was found."""
        if self._finder.active and self._token_cursor.token_index is None:
            self._finder.step(step)
            self._refresh()
        else:
            self._token_cursor.move_choice(step)

    def leave(self) -> None:
        """Close the sweep, remove the cursor and end the search."""
        self._finder.leave()
        self._sweep_view.close()
        self._token_cursor.clear()
        self._refresh()

    def find(self) -> None:
        """Go to the next place of what is searched for, or let the user type what to find."""
        if self._finder.active:
            self._finder.step(1)
            self._refresh()
        else:
            self._input.set_text("/find ")

    def take(self) -> None:
        """Continue from the chosen candidate at the cursor, or from the chosen column of a sweep."""
        if self._sweep_view.display:
            self.pick(self._sweep_view.chosen_index)
        elif selection := self._token_cursor.selection():
            self._run_effects(partial(actions.branch, self._session, *selection))

    def reveal(self) -> None:
        """Show the values of a blind sweep."""
        self._run_effects(partial(actions.reveal, self._session))

    def pick(self, number: int) -> None:
        """Continue from column ``number`` of the sweep, from 0. Do nothing if there is no such column."""
        sweep = self._sweep_view.sweep
        if sweep and number < len(sweep.columns):
            self._run_effects(partial(actions.pick, self._session, sweep, number))

    def click_column(self, number: int) -> None:
        """Choose a column. A second click picks it."""
        if self._sweep_view.chosen_index == number:
            self.pick(number)
        self._sweep_view.choose(number)
        self._refresh()

    def click_candidate(self, index: int) -> None:
        """Choose a candidate. A second click takes it."""
        if self._token_cursor.token_index is None:
            self._token_cursor.go_to(len(self._passage_view.token_spans))
        elif self._token_cursor.candidate_index == index:
            self.take()
        self._token_cursor.choose(index)
