"""A desk with a lens: the cursor over the tokens, roads not taken, and the columns of a sweep."""

from __future__ import annotations

from functools import partial

from textual import on

from ...core.commands import actions
from ...core.session.session import Session
from .base_app import Desk
from .lens_panel import Lens
from .sweep_view import Page
from .token_cursor import Roads
from .transcript import Transcript


class Looking(Desk):
    """What keys and mouse do to the cursor, to the candidates of the lens, and to a sweep."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._lens = Lens()
        self.roads = Roads(session, self._reading, self._transcript, self._lens, self._line)

    def text_begun(self) -> None:
        """The lens follows a text that is being written."""
        self.columns.close()
        self.roads.leave()

    def action_lens(self) -> None:
        """Show the lens, or put it away."""
        self.do(f"/lens {'off' if self.session.settings.lens == 'on' else 'on'}", topic="lens")

    def action_look(self, step: int) -> None:
        """Move the cursor over the tokens, or the choice over the columns of a sweep."""
        if self.columns.display:
            self.columns.choose(self.columns.chosen + step)
            return
        self.roads.move(step)
        self.refresh_state()

    def action_look_word(self, step: int) -> None:
        """Move the cursor over the words."""
        self.roads.word(step)
        self.refresh_state()

    def action_look_end(self, share: int) -> None:
        """Move the cursor to the first token (0) or behind the last (1)."""
        self.roads.stand(share * len(self._reading.places))
        self.refresh_state()

    def action_choose(self, step: int) -> None:
        """Move among the candidates of the lens."""
        self.roads.choose(step)

    def action_leave(self) -> None:
        """Take the cursor away, or the sweep."""
        self.columns.close()
        self.roads.leave()
        self.refresh_state()

    def action_take(self) -> None:
        """Take the chosen candidate at the cursor, and write on from there; or the chosen column of a sweep."""
        if self.columns.display:
            self.action_pick(self.columns.chosen)
            return
        count, token = self.roads.taken()
        self.perform(partial(actions.branch, self.session, count, token))

    def action_pick(self, number: int) -> None:
        """Go on with a column of the sweep."""
        if self.columns.sweep and number < len(self.columns.sweep.columns):
            self.perform(partial(actions.pick, self.session, self.columns.sweep, number))

    @on(Page.Picked)
    def _column_clicked(self, event: Page.Picked) -> None:
        """One click chooses a column, a second picks it."""
        if self.columns.chosen == event.number:
            self.action_pick(event.number)
        self.columns.choose(event.number)

    @on(Transcript.Pointed)
    def _pointed(self, event: Transcript.Pointed) -> None:
        self.roads.stand(event.index)
        self.refresh_state()

    @on(Lens.Chosen)
    def _chosen(self, event: Lens.Chosen) -> None:
        """One click chooses, a second on the same candidate takes it."""
        if self.roads.place is None:
            self.roads.stand(len(self._reading.places))
        elif self.roads.choice == event.number:
            self.action_take()
        self.roads.choose_number(event.number)
