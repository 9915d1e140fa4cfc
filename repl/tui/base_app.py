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
from ...core.commands.registry import dispatch, runs_live
from ...core.errors import AfterglowError
from ...core.events import Event, Notice, PrefillProgress
from ...core.file_io import private_file
from ...core.generation.sweep import Sweep
from ...core.paths import log_file
from ...core.render.sanitize import escape_controls
from ...core.session.session import Session
from ..autosave import Autosave
from ..player import Player
from .backpressure import CURSOR_QUERY, Backpressure
from .passage_view import PassageView
from .sweep_view import SweepView
from .transcript import Transcript

EffectFactory = Callable[[], Iterable[Effect]]
"""Something to be done when its turn comes."""


class BaseApp(App[None]):
    """One session. What commands answer appears in the transcript."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._player: Player | None = None
        self.read_progress: float | None = None
        """How much of a long seed has been read, while it is."""
        self._backpressure = Backpressure()
        self._turn_lock = asyncio.Lock()
        self._waiting_lines = 0
        self._stopped = self._quitting = False
        self._transcript, self.sweep_view = Transcript(), SweepView()
        self._passage_view = PassageView(session, self._transcript)
        self.autosave = Autosave(session, self._transcript.add_note, self._transcript.add_error, self._report_bug)

    @property
    def playing(self) -> bool:
        """Whether text is being written."""
        return self._player is not None

    def post_display_hook(self) -> None:
        """The first picture and those of a text are asked after: over a slow line the text comes in larger pieces."""
        if self._driver and (self.playing or not self._backpressure.probed):
            self._driver.write(CURSOR_QUERY)
            self._backpressure.request_sent()

    def on_cursor_position(self) -> None:
        """The terminal has drawn a picture."""
        self._backpressure.reply_received()

    def run_line(self, line: str, topic: str = "") -> None:
        """Do what a typed line says. What it answers replaces an answer of the same ``topic``."""
        self.run_effects(partial(dispatch, self.session, line), line, topic, live=runs_live(line))

    def run_effects(self, make_effects: EffectFactory, line: str = "", topic: str = "", live: bool = False) -> None:
        """Do something at once if it is ``live``, else in its turn, for which the text is stopped; ``line`` is what
        was typed for it, and comes back where it fails.
        """
        if self.playing and live:
            self.run_worker(self._show_effects(make_effects, line, topic))
        else:
            self.run_worker(self._show_effects_in_turn(make_effects, line, topic))

    def refresh_state(self) -> None:
        """Show what is set and what goes on."""

    def handle_text_start(self) -> None:
        """A text begins to appear."""

    def restore_input(self, line: str) -> None:
        """Have a typed line that failed in the input again."""

    def action_stop(self) -> None:
        """End the text; what is there stays."""
        self._stopped = True
        self.session.stop()
        if self._player:
            self._player.skip_to_end()

    async def action_quit(self) -> None:
        """Leave, behind the token that is being drawn; at once where that takes too long for somebody."""
        impatient, self._quitting = self._quitting, True
        if self.playing and not impatient:
            self.action_stop()
        else:
            self.exit()

    async def _show_effects_in_turn(self, make_effects: EffectFactory, line: str, topic: str) -> None:
        """Stop the text that is being written, and do the line when those before it are done."""
        self._waiting_lines += 1
        self.action_stop()
        async with self._turn_lock:
            self._waiting_lines -= 1
            self._stopped = False
            await self._show_effects(make_effects, line, topic)
            await self.autosave.save_in_thread()

    async def _show_effects(self, make_effects: EffectFactory, line: str, topic: str) -> None:
        try:
            for effect in make_effects():
                await self._show_effect(effect, topic)
                if self._stopped and isinstance(effect, Play):
                    break
        except AfterglowError as error:
            self._transcript.add_error(str(error))
            self._notify_over_sweep(str(error), "error")
            self._restore_failed_line(line, topic)
        except Exception as error:
            self._report_bug(error)
            self._restore_failed_line(line, topic)
        self.refresh_state()

    async def _show_effect(self, effect: Effect, topic: str) -> None:
        match effect:
            case Play():
                await self._play(effect)
            case Compare(sweep):
                await self._play_sweep(sweep)
            case Notice(text):
                self._transcript.add_note(text, topic)
            case Listing():
                self._show_listing(effect)
            case Redraw(text):
                self._redraw_passage(text)
            case Edit():
                self._open_editor(effect)
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
                    self._passage_view.begin(play)
                    self.handle_text_start()
                    begun = True
                unseen += batch
                if not self._backpressure.saturated:
                    self._passage_view.append(unseen)
                    unseen.clear()
                    self.refresh_state()
                self._apply_stop(play)
        finally:
            self._player = self.read_progress = None
            if begun:
                self._passage_view.append(unseen)
            if begun and not play.title:
                self._passage_view.finish()
            if self._quitting:
                self.exit()

    def _has_begun(self, batch: list[Event]) -> bool:
        """Whether a text begins with these events, or a long seed is still being read."""
        self.read_progress = batch[-1].share if isinstance(batch[-1], PrefillProgress) else None
        self.refresh_state()
        return self.read_progress is None

    async def _play_sweep(self, sweep: Sweep) -> None:
        """Show a sweep as it comes."""
        settings, model = self.session.settings, self.session.model
        marks = model.copy_tracker if settings.copied else lambda: None
        await self.sweep_view.show(sweep, settings.heat, marks)
        self._player = Player(sweep.play(), lambda: self.session.settings.speed)
        self.refresh_state()
        try:
            async for _ in self._player:
                if not self._backpressure.saturated:
                    self.sweep_view.grow()
                    self.refresh_state()
                if self._waiting_lines or self._stopped:
                    self.action_stop()
        finally:
            self._player = None
            self.sweep_view.grow()
            if self._quitting:
                self.exit()

    def _apply_stop(self, play: Play) -> None:
        """End the text where somebody wants that: a stop may have come before there was a stream to stop."""
        if self._waiting_lines or self._stopped:
            self.action_stop()
            if play.title:
                getattr(play.events, "close", lambda: None)()

    def _show_listing(self, listing: Listing) -> None:
        """Show a list, or have a row of it chosen."""
        if listing.row_command:
            from .picker import Picker

            picker = Picker(listing.title, listing.rows, listing.search)
            self.push_screen(picker, partial(self._run_choice, listing.row_command))
        else:
            self._transcript.add_listing(listing.title, listing.rows)
            self._notify_over_sweep(f"{listing.title}: it stands behind the sweep, Esc shows it", "information")

    def _open_editor(self, edit: Edit) -> None:
        """Have a text changed on a page of its own."""
        from .editor import Editor  # like all pages that are seldom wanted: the first screen comes sooner without

        self.push_screen(Editor(edit.text), partial(self._apply_edit, edit.on_done))

    def _apply_edit(self, on_done: Callable[[str], Iterable[Effect]], text: str | None) -> None:
        if text is not None:
            self.run_effects(partial(on_done, text))

    def _redraw_passage(self, message: str) -> None:
        """Show the passage as it stands now."""
        self.sweep_view.close()
        self._transcript.remove_note("passage")
        self._passage_view.show()
        if message:
            self._transcript.add_note(message, "passage")

    def _run_choice(self, command: str, name: str | None) -> None:
        if name:
            self.run_line(f"{command} {name}")

    def _restore_failed_line(self, line: str, topic: str) -> None:
        if line and not topic:
            self.restore_input(line)

    def _notify_over_sweep(self, message: str, severity: Literal["information", "error"]) -> None:
        """A sweep covers the transcript: say it on top as well."""
        if self.sweep_view.display:
            self.notify(escape_controls(message), severity=severity, markup=False)

    def _report_bug(self, error: Exception) -> None:
        """A bug: one line here, all of it in the log."""
        write_log(error)
        self._transcript.add_error(f"a bug, sorry: {type(error).__name__}: {error}; {log_file()} has the details")

    def _handle_exception(self, error: Exception) -> None:
        write_log(error)
        super()._handle_exception(error)


def write_log(error: Exception) -> None:
    """Add a traceback to the log, as far as that can be written."""
    with contextlib.suppress(AfterglowError, OSError), private_file(log_file()).open("a", encoding="utf-8") as log:
        log.write(f"{datetime.now(UTC).isoformat(timespec='seconds')}\n{''.join(traceback.format_exception(error))}\n")
