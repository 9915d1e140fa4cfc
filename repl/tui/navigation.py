"""A desk with a lens: the cursor over the tokens, roads not taken, and the columns of a sweep."""

from __future__ import annotations

from functools import partial

from textual import on

from ...core.commands import actions
from ...core.session.session import Session
from .base_app import BaseApp
from .lens_panel import Lens
from .sweep_view import SweepColumnView
from .token_cursor import TokenCursor
from .transcript import Transcript


class NavigationApp(BaseApp):
    """What keys and mouse do to the cursor, to the candidates of the lens, and to a sweep."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._lens = Lens()
        self.token_cursor = TokenCursor(session, self._passage_view, self._transcript, self._lens, self._backpressure)

    def handle_text_start(self) -> None:
        """The lens follows a text that is being written."""
        self.sweep_view.close()
        self.token_cursor.clear()

    def action_lens(self) -> None:
        """Show the lens, or put it away."""
        self.run_line(f"/lens {'off' if self.session.settings.lens else 'on'}", topic="lens")

    def action_look(self, step: int) -> None:
        """Move the cursor over the tokens, or the choice over the columns of a sweep."""
        if self.sweep_view.display:
            self.sweep_view.choose(self.sweep_view.chosen_index + step)
            return
        self.token_cursor.move(step)
        self.refresh_state()

    def action_look_word(self, step: int) -> None:
        """Move the cursor over the words."""
        self.token_cursor.move_word(step)
        self.refresh_state()

    def action_look_end(self, fraction: int) -> None:
        """Move the cursor to the first token (0) or behind the last (1)."""
        self.token_cursor.go_to(fraction * len(self._passage_view.token_spans))
        self.refresh_state()

    def action_choose(self, step: int) -> None:
        """Move among the candidates of the lens."""
        self.token_cursor.move_choice(step)

    def action_leave(self) -> None:
        """Take the cursor away, or the sweep."""
        self.sweep_view.close()
        self.token_cursor.clear()
        self.refresh_state()

    def action_take(self) -> None:
        """Take the chosen candidate at the cursor, and write on from there; or the chosen column of a sweep."""
        if self.sweep_view.display:
            self.action_pick(self.sweep_view.chosen_index)
            return
        count, token = self.token_cursor.selection()
        self.run_effects(partial(actions.branch, self.session, count, token))

    def action_pick(self, number: int) -> None:
        """Go on with a column of the sweep."""
        if self.sweep_view.sweep and number < len(self.sweep_view.sweep.columns):
            self.run_effects(partial(actions.pick, self.session, self.sweep_view.sweep, number))

    @on(SweepColumnView.ColumnClicked)
    def _handle_column_click(self, event: SweepColumnView.ColumnClicked) -> None:
        """One click chooses a column, a second picks it."""
        if self.sweep_view.chosen_index == event.number:
            self.action_pick(event.number)
        self.sweep_view.choose(event.number)

    @on(Transcript.TokenClicked)
    def _handle_token_click(self, event: Transcript.TokenClicked) -> None:
        self.token_cursor.go_to(event.index)
        self.refresh_state()

    @on(Lens.CandidateClicked)
    def _handle_candidate_click(self, event: Lens.CandidateClicked) -> None:
        """One click chooses, a second on the same candidate takes it."""
        if self.token_cursor.token_index is None:
            self.token_cursor.go_to(len(self._passage_view.token_spans))
        elif self.token_cursor.candidate_index == event.index:
            self.action_take()
        self.token_cursor.choose(event.index)
