"""Plays one text or one sweep at a time, and shows it as it grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...core.commands.effects import Play
from ...core.events import Event, PrefillProgress
from ...core.generation.sweep import Sweep
from ...core.session.session import Session
from ..player import Player
from .backpressure import Backpressure
from .passage_view import PassageView
from .sweep_view import SweepView
from .token_cursor import TokenCursor


class Playback:
    """Starts, pauses and stops the text being written. ``refresh`` is called whenever there is something new to show.

    ``stop_requested`` stays True until the next line is run: a stop may arrive before there is a stream to stop.
    """

    def __init__(
        self,
        session: Session,
        passage_view: PassageView,
        sweep_view: SweepView,
        token_cursor: TokenCursor,
        backpressure: Backpressure,
        refresh: Callable[[], None],
    ) -> None:
        self._session = session
        self._passage_view = passage_view
        self._sweep_view = sweep_view
        self._token_cursor = token_cursor
        self._backpressure = backpressure
        self._refresh = refresh
        self._player: Player | None = None
        self._prefill_share: float | None = None
        self.stop_requested = False

    @property
    def playing(self) -> bool:
        """True while a text or a sweep is being written."""
        return self._player is not None

    @property
    def paused(self) -> bool:
        """True while the text is held."""
        return self._player is not None and self._player.paused

    @property
    def activity(self) -> str:
        """One or a few words for the status line."""
        if self._player is None:
            return "ready"
        if self._prefill_share is not None:
            return f"reading the seed: {self._prefill_share:.0%}"
        return "paused" if self._player.paused else "writing"

    def toggle_pause(self) -> None:
        """Hold the text, or let it continue."""
        if self._player:
            self._player.paused = not self._player.paused
            self._refresh()

    def skip_to_end(self) -> None:
        """Write the rest of the text at full speed."""
        if self._player:
            self._player.skip_to_end()
            self._refresh()

    def stop(self) -> None:
        """End the text before its next token. The written text stays."""
        self.stop_requested = True
        self._session.stop()
        if self._player:
            self._player.skip_to_end()

    async def play(self, play: Play) -> None:
        """Write a text into the passage view."""
        begun = False
        pending: list[Event] = []
        try:
            async for batch in self._open(play.events):
                if not begun and not self._prefill_is_over(batch):
                    continue
                if not begun:
                    self._begin_text()
                    begun = True
                pending += batch
                if not self._backpressure.saturated:
                    self._passage_view.append(pending)
                    pending.clear()
                    self._refresh()
                self._stop_if_requested()
        finally:
            self._player = None
            self._prefill_share = None
            if begun:
                self._passage_view.append(pending)
                self._passage_view.finish()

    async def play_sweep(self, sweep: Sweep) -> None:
        """Write all columns of a sweep into the sweep view."""
        settings, model = self._session.settings, self._session.model
        make_tracker = model.copy_tracker if settings.copied else lambda: None
        await self._sweep_view.show(sweep, settings.heat, make_tracker)
        try:
            async for _ in self._open(sweep.play()):
                if not self._backpressure.saturated:
                    self._sweep_view.grow()
                    self._refresh()
                self._stop_if_requested()
        finally:
            self._player = None
            self._sweep_view.grow()

    def _open(self, events: Iterator[Event]) -> Player:
        """Return a player of ``events`` that follows the setting ``speed``."""
        self._player = Player(events, lambda: self._session.settings.speed)
        self._refresh()
        return self._player

    def _prefill_is_over(self, batch: list[Event]) -> bool:
        """Return False while a long seed is being read, and note its progress."""
        last = batch[-1]
        self._prefill_share = last.share if isinstance(last, PrefillProgress) else None
        self._refresh()
        return self._prefill_share is None

    def _begin_text(self) -> None:
        """Show the passage, and let the lens follow the text."""
        self._passage_view.begin()
        self._sweep_view.close()
        self._token_cursor.clear()

    def _stop_if_requested(self) -> None:
        if self.stop_requested:
            self.stop()
