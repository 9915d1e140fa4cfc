"""An app that does what is typed: lines one after another, live commands at once, while text is written."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from typing import Literal

from textual.app import App

from ...core.commands.effects import Compare, Edit, Effect, Listing, Play, Quit, Redraw
from ...core.commands.registry import dispatch, is_live
from ...core.errors import AfterglowError
from ...core.events import Event, Notice, Progress
from ...core.generation.sweep import Sweep
from ...core.paths import log_file, private_file
from ...core.render.sanitize import visible
from ...core.session.session import Session
from ..player import Player
from .autosave import Autosave
from .backpressure import QUESTION, SlowLine
from .passage_view import Reading
from .sweep_view import Columns
from .transcript import Transcript

Deed = Callable[[], Iterable[Effect]]
"""Something to be done when its turn comes."""


class Desk(App[None]):
    """One session. What commands answer appears in the transcript."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._player: Player | None = None
        self.share: float | None = None
        """How much of a long seed has been read, while it is."""
        self._line = SlowLine()
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._stopped = self._leaving = False
        self._transcript, self.columns = Transcript(), Columns()
        self._reading = Reading(session, self._transcript)
        self.autosave = Autosave(session, self._transcript.note, self._transcript.error, self._report)

    @property
    def playing(self) -> bool:
        """Whether text is being written."""
        return self._player is not None

    def post_display_hook(self) -> None:
        """The first picture and those of a text are asked after: over a slow line the text comes in larger pieces."""
        if self._driver and (self.playing or not self._line.known):
            self._driver.write(QUESTION)
            self._line.asked()

    def on_cursor_position(self) -> None:
        """The terminal has drawn a picture."""
        self._line.answered()

    def do(self, line: str, topic: str = "") -> None:
        """Do what a typed line says. What it answers replaces an answer of the same ``topic``."""
        self.perform(partial(dispatch, self.session, line), line, topic, live=is_live(line))

    def perform(self, deed: Deed, line: str = "", topic: str = "", live: bool = False) -> None:
        """Do something at once if it is ``live``, else in its turn, for which the text is stopped; ``line`` is what
        was typed for it, and comes back where it fails.
        """
        if self.playing and live:
            self.run_worker(self._perform(deed, line, topic))
        else:
            self.run_worker(self._perform_in_turn(deed, line, topic))

    def refresh_state(self) -> None:
        """Show what is set and what goes on."""

    def text_begun(self) -> None:
        """A text begins to appear."""

    def give_back(self, line: str) -> None:
        """Have a typed line that failed in the input again."""

    def action_stop(self) -> None:
        """End the text; what is there stays."""
        self._stopped = True
        self.session.stop()
        if self._player:
            self._player.hurry()

    async def action_quit(self) -> None:
        """Leave, behind the token that is being drawn; at once where that takes too long for somebody."""
        impatient, self._leaving = self._leaving, True
        if self.playing and not impatient:
            self.action_stop()
        else:
            self.exit()

    async def _perform_in_turn(self, deed: Deed, line: str, topic: str) -> None:
        """Stop the text that is being written, and do the line when those before it are done."""
        self._waiting += 1
        self.action_stop()
        async with self._turn:
            self._waiting -= 1
            self._stopped = False
            await self._perform(deed, line, topic)
            await self.autosave.keep()

    async def _perform(self, deed: Deed, line: str, topic: str) -> None:
        try:
            for effect in deed():
                await self._show(effect, topic)
                if self._stopped and isinstance(effect, Play):
                    break
        except AfterglowError as error:
            self._transcript.error(str(error))
            self._tell_over_the_sweep(str(error), "error")
            self._failed(line, topic)
        except Exception as error:
            self._report(error)
            self._failed(line, topic)
        self.refresh_state()

    async def _show(self, effect: Effect, topic: str) -> None:
        match effect:
            case Play():
                await self._play(effect)
            case Compare(sweep):
                await self._compare(sweep)
            case Notice(text):
                self._transcript.note(text, topic)
            case Listing():
                self._list(effect)
            case Redraw(text):
                self._redraw(text)
            case Edit():
                self._edit(effect)
            case Quit():
                await self.action_quit()

    async def _play(self, play: Play) -> None:
        """Show a text as it comes."""
        self._player = Player(play.events, lambda: self.session.settings.speed)
        self.refresh_state()
        begun, unseen = False, list[Event]()
        try:
            async for batch in self._player:
                if not begun and not self._has_begun(batch):
                    continue
                if not begun:
                    self._reading.begin(play)
                    self.text_begun()
                    begun = True
                unseen += batch
                if not self._line.busy:
                    self._reading.take(unseen)
                    unseen.clear()
                    self.refresh_state()
                self._obey(play)
        finally:
            self._player = self.share = None
            if begun:
                self._reading.take(unseen)
            if begun and not play.title:
                self._reading.finish()
            if self._leaving:
                self.exit()

    def _has_begun(self, batch: list[Event]) -> bool:
        """Whether a text begins with these events, or a long seed is still being read."""
        self.share = batch[-1].share if isinstance(batch[-1], Progress) else None
        self.refresh_state()
        return self.share is None

    async def _compare(self, sweep: Sweep) -> None:
        """Show a sweep as it comes."""
        settings, model = self.session.settings, self.session.model
        marks = model.copy_marks if settings.copied == "on" else lambda: None
        await self.columns.show(sweep, settings.heat, marks)
        self._player = Player(sweep.steps(), lambda: self.session.settings.speed)
        self.refresh_state()
        try:
            async for _ in self._player:
                if not self._line.busy:
                    self.columns.grow()
                    self.refresh_state()
                if self._waiting or self._stopped:
                    self.action_stop()
        finally:
            self._player = None
            self.columns.grow()
            if self._leaving:
                self.exit()

    def _obey(self, play: Play) -> None:
        """End the text where somebody wants that: a stop may have come before there was a stream to stop."""
        if self._waiting or self._stopped:
            self.action_stop()
            if play.title:
                getattr(play.events, "close", lambda: None)()

    def _list(self, listing: Listing) -> None:
        """Show a list, or have a row of it chosen."""
        if listing.choice:
            from .picker import Picker

            picker = Picker(listing.title, listing.rows, listing.search)
            self.push_screen(picker, partial(self._chosen_from, listing.choice))
        else:
            self._transcript.listing(listing.title, listing.rows)
            self._tell_over_the_sweep(f"{listing.title}: it stands behind the sweep, Esc shows it", "information")

    def _edit(self, edit: Edit) -> None:
        """Have a text changed on a page of its own."""
        from .editor import Editor  # like all pages that are seldom wanted: the first screen comes sooner without

        self.push_screen(Editor(edit.text), partial(self._edited, edit.done))

    def _edited(self, done: Callable[[str], Iterable[Effect]], text: str | None) -> None:
        if text is not None:
            self.perform(partial(done, text))

    def _redraw(self, why: str) -> None:
        """Show the passage as it stands now."""
        self.columns.close()
        self._transcript.retract("passage")
        self._reading.show()
        if why:
            self._transcript.note(why, "passage")

    def _chosen_from(self, command: str, name: str | None) -> None:
        if name:
            self.do(f"{command} {name}")

    def _failed(self, line: str, topic: str) -> None:
        if line and not topic:
            self.give_back(line)

    def _tell_over_the_sweep(self, what: str, severity: Literal["information", "error"]) -> None:
        """A sweep covers the transcript: say it on top as well."""
        if self.columns.display:
            self.notify(visible(what), severity=severity, markup=False)

    def _report(self, error: Exception) -> None:
        """A bug: one line here, all of it in the log."""
        write_log(error)
        self._transcript.error(f"a bug, sorry: {type(error).__name__}: {error}; {log_file()} has the details")

    def _handle_exception(self, error: Exception) -> None:
        write_log(error)
        super()._handle_exception(error)


def write_log(error: Exception) -> None:
    """Add a traceback to the log, as far as that can be written."""
    with contextlib.suppress(AfterglowError, OSError), private_file(log_file()).open("a", encoding="utf-8") as log:
        log.write(f"{datetime.now(UTC).isoformat(timespec='seconds')}\n{''.join(traceback.format_exception(error))}\n")
