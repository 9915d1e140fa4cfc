"""Plays one text or one sweep at a time, and shows it as it grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...core.commands.effects import Play
from ...core.events import Event, PrefillProgress
from ...core.generation.sweep import Sweep
from ...core.session.session import Session
from ..player import Player
from .main_view import MainView
from .terminal.backpressure import Backpressure
from .token_cursor import TokenCursor


class Playback:
    """Starts, pauses and stops the text being written. ``refresh`` is called whenever there is something new to show.

    ``stop_requested`` is True from a stop until the next line is run. A stop may come before there is a stream.
    """

    def __init__(
        self,
        session: Session,
        view: MainView,
        token_cursor: TokenCursor,
        backpressure: Backpressure,
        refresh: Callable[[], None],
    ) -> None:
        self._session = session
        self._passage_view = view.passage_view
        self._sweep_view = view.sweep_view
        self._token_cursor = token_cursor
        self._backpressure = backpressure
        self._refresh = refresh
        self._player: Player | None = None
        self._prefill_share: float | None = None
        self._text_begun = False
        self._unshown: list[Event] = []
        self.stop_requested = False

    @property
    def playing(self) -> bool:
        """True while a text or a sweep is being written."""
        return self._player is not None

    @property
    def paused(self) -> bool:
        """True while the text is paused."""
        return self._player is not None and self._player.paused

    @property
    def activity(self) -> str:
        """State of the text being written, as shown in the status line."""
        if self._player is None:
            return "ready"
        if self._prefill_share is not None:
            return f"reading: {self._prefill_share:.0%}"
        return "paused" if self._player.paused else "writing"

    def toggle_pause(self) -> None:
        """Pause the text, or continue it."""
        if self._player:
            self._player.paused = not self._player.paused
            self._show_written()
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
        try:
            async for batch in self._open(play.events):
                if isinstance(batch[-1], PrefillProgress):  # comes only before the text
                    self._show_prefill(batch[-1])
                else:
                    self._show_text(batch)
                    self._stop_if_requested()
        finally:
            self._player = None
            self._finish_text()

    async def play_sweep(self, sweep: Sweep) -> None:
        """Write all columns of a sweep into the sweep view."""
        from ...core.session.unit_values import column_values  # imported late: few sessions have a sweep

        make_tracker = self._session.model.copy_tracker if self._session.settings.copied else lambda: None
        await self._sweep_view.show(sweep, make_tracker, lambda column: column_values(self._session, column).at)
        try:
            async for _ in self._open(sweep.play()):
                self._show_written()
                self._stop_if_requested()
        finally:
            self._player = None
            self._sweep_view.grow()

    def _open(self, events: Iterator[Event]) -> Player:
        """Return a player of ``events`` that follows the setting ``speed``."""
        self._player = Player(events, lambda: self._session.settings.speed)
        self._refresh()
        return self._player

    def _show_prefill(self, progress: PrefillProgress) -> None:
        """Show how much of a long seed has been read."""
        self._prefill_share = progress.share
        self._refresh()

    def _show_text(self, batch: list[Event]) -> None:
        """Show events of the text."""
        if not self._text_begun:
            self._begin_text()
        self._unshown += batch
        self._show_written()

    def _show_written(self) -> None:
        """Show what was written. If the terminal is too slow, and more will come, wait until it has caught up."""
        if self._backpressure.saturated and not self.paused:
            return
        if self._sweep_view.sweep:
            self._sweep_view.grow()
        if self._unshown:
            self._passage_view.append(self._unshown)
            self._unshown.clear()
        self._refresh()

    def _begin_text(self) -> None:
        """Show the passage without the new text, and let the lens follow the text."""
        self._prefill_share = None
        self._refresh()
        self._passage_view.begin()
        self._sweep_view.close()
        self._token_cursor.clear()
        self._text_begun = True

    def _finish_text(self) -> None:
        """Show the rest of the text, and its summary."""
        self._prefill_share = None
        if self._text_begun:
            self._text_begun = False
            self._passage_view.append(self._unshown)
            self._unshown.clear()
            self._passage_view.finish()

    def _stop_if_requested(self) -> None:
        if self.stop_requested:
            self.stop()
